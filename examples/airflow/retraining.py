"""A model of the diabetes data that is trained anew each week, and promoted once a person has said yes.

Put both files of this folder where Airflow looks for DAGs, and define the connection `stageline_default`.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_stageline.retraining import retraining_dag

TARGET = "target"


def halves() -> list[Any]:
    """The data, in a part to train on and a part to measure on: the same whoever asks."""
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split

    return train_test_split(load_diabetes(as_frame=True).frame, test_size=0.3, random_state=0)


def held_out() -> str:
    """Where the part to measure on is. With workers on several hosts this would be a bucket."""
    import tempfile

    _, rest = halves()
    path = f"{tempfile.gettempdir()}/stageline-diabetes.csv"
    rest.to_csv(path, index=False)
    return path


def train(alpha: float, l1_ratio: float) -> dict[str, float]:
    """One candidate: what it returns are metrics of its run, the model is kept with it."""
    from sklearn.linear_model import ElasticNet
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import stageline

    rows, _ = halves()
    inputs, truth = rows.drop(columns=TARGET), rows[TARGET]
    model = make_pipeline(StandardScaler(), ElasticNet(alpha=alpha, l1_ratio=l1_ratio))
    model.fit(inputs, truth)
    signature = stageline.infer_signature(inputs, model.predict(inputs))
    stageline.log_model(model, signature=signature)
    return {"train_r2": model.score(inputs, truth)}


retraining_dag(
    "diabetes_retraining",
    model="diabetes",
    train=train,
    candidates=[{"alpha": alpha, "l1_ratio": 0.5} for alpha in (0.01, 0.1, 1.0)],
    data=held_out,
    target=TARGET,
    metrics=["rmse", "r2"],
    thresholds=["metrics.r2 > 0.2"],
    cron="0 4 * * 1",
)
