"""Two versions of a model: one that has learnt from women only, and one that has learnt from everybody."""

from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

import stageline

data = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
x, x_test, y, y_test = train_test_split(*data, random_state=4)
stageline.set_experiment("fairness")

for name, rows in {"women only": x["sex"] == 2, "everybody": x["sex"] > 0}.items():
    with stageline.start_run(run_name=name):
        model = LinearRegression().fit(x[rows], y[rows])
        predicted = model.predict(x_test)
        stageline.log_metric("rmse", root_mean_squared_error(y_test, predicted))
        for group, sex in {"men": 1, "women": 2}.items():
            one = x_test["sex"] == sex
            rmse = root_mean_squared_error(y_test[one], predicted[one])
            stageline.log_metric(f"rmse.{group}", rmse)
        stageline.log_model(model, input_example=x[:2], registered_model_name="fair")
