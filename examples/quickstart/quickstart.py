"""Three tracked runs, each with its param, metric and model: no orchestrator, no server, no database."""

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

import stageline

x, x_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
stageline.set_experiment("quickstart")
for alpha in (0.01, 0.1, 1.0):
    with stageline.start_run(run_name=f"ridge {alpha}"):
        model = Ridge(alpha=alpha).fit(x, y)
        stageline.log_param("alpha", alpha)
        stageline.log_metric("r2", model.score(x_test, y_test))
        stageline.log_model(model, input_example=x[:2])
