"""What the team had: a sweep logged by MLflow into `mlruns/`, its best model registered, and in Production.

The `mlruns/` beside this file is what MLflow 3.17 made of it. Nothing here has to be run to move it.
"""

import os

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # or MLflow 3.13 and later refuse the folder

import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

mlflow.set_tracking_uri("mlruns")
mlflow.set_experiment("diabetes")
x, x_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)

for alpha in (0.01, 0.1, 1.0):
    with mlflow.start_run(run_name=f"ridge {alpha}"):
        model = Ridge(alpha=alpha).fit(x, y)
        mlflow.log_param("alpha", alpha)
        mlflow.log_metric("r2", model.score(x_test, y_test))
        signature = mlflow.models.infer_signature(x, model.predict(x))
        mlflow.sklearn.log_model(
            model, name="model", signature=signature, registered_model_name="diabetes"
        )

client = mlflow.MlflowClient()
client.transition_model_version_stage("diabetes", 2, "Production")
client.set_registered_model_alias("diabetes", "champion", 2)
