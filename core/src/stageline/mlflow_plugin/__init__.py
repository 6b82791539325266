"""MLflow's own client on a Stageline store, with no server: `mlflow.set_tracking_uri("stageline+s3://bucket/path")`.

MLflow finds this package by its entry points. MLflow is imported nowhere else in Stageline; of all this, others use
`addresses` and `sources` alone, which do without.
"""
