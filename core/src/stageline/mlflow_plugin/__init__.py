"""MLflow's own client on a Stageline store, with no server: `mlflow.set_tracking_uri("stageline+s3://bucket/path")`.

MLflow finds this package by its entry points. Nothing of Stageline imports it, and MLflow is imported nowhere else.
"""
