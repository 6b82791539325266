"""MLflow on a local SQLite file, its default store."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

import mlflow
import tracking_load
from mlflow.entities import Metric
from page_load import Pages, look_at
from population import EXPERIMENT, FILTER, ORDER, PAGE, population, series
from scoring_load import COLUMNS, measured, training
from stopwatch import Stopwatch, contest, folder_bytes, made_file, warm

mlflow.set_tracking_uri("sqlite:///mlflow.db")


def log_metric(size: int) -> dict[str, float]:
    with mlflow.start_run():
        mlflow.log_metric("loss", 0.0, step=-1)
        with Stopwatch() as watch:
            for step in range(size):
                mlflow.log_metric("loss", 0.5 * step, step=step)
    return watch.figures()


def empty_run(size: int) -> dict[str, float]:
    with mlflow.start_run():
        pass
    with Stopwatch() as watch:
        for _ in range(size):
            with mlflow.start_run():
                pass
    return watch.figures()


def batches(size: int) -> dict[str, float]:
    client = mlflow.MlflowClient()
    run_id = mlflow.start_run().info.run_id
    empty = folder_bytes(".")
    points = series(size)
    with Stopwatch() as watch:
        for first in range(0, size, 1_000):
            metrics = [
                Metric("loss", value, timestamp, step)
                for step, value, timestamp in points[first : first + 1_000]
            ]
            client.log_batch(run_id, metrics=metrics)
        mlflow.end_run()
    return watch.figures(bytes_per_point=(folder_bytes(".") - empty) / size)


def search_prepare(size: int) -> None:
    """Rows go in by SQL: through its API this would take an hour."""
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        experiment = int(run.info.experiment_id)
    db = sqlite3.connect("mlflow.db")
    now = int(time.time() * 1000)
    for n, (params, metrics) in enumerate(population(size)):
        run_id = f"{n:032x}"
        _insert(
            db,
            "runs",
            run_uuid=run_id,
            name=f"run-{n}",
            source_type="LOCAL",
            source_name="",
            entry_point_name="",
            user_id="bench",
            status="FINISHED",
            start_time=now + n,
            end_time=now + n + 1,
            source_version="",
            lifecycle_stage="active",
            artifact_uri=f"mlruns/{run_id}",
            experiment_id=experiment,
        )
        for key, value in metrics.items():
            point = {"key": key, "value": value, "timestamp": now, "step": 0, "is_nan": 0}
            _insert(db, "metrics", run_uuid=run_id, **point)
            _insert(db, "latest_metrics", run_uuid=run_id, **point)
        for key, value in params.items():
            _insert(db, "params", run_uuid=run_id, key=key, value=value)
    db.commit()


def search(_: int) -> dict[str, float]:
    return warm(
        lambda: mlflow.search_runs(
            experiment_names=[EXPERIMENT],
            filter_string=FILTER,
            order_by=[ORDER],
            max_results=PAGE,
            output_format="list",
        ),
        PAGE,
    )


def artifact(size: int) -> dict[str, float]:
    path = made_file(size)
    with mlflow.start_run(), Stopwatch() as watch:
        mlflow.log_artifact(path)
    return watch.figures(extra_mb=watch.extra_mb)


def _insert(db: sqlite3.Connection, table: str, **row: object) -> None:
    places = ", ".join("?" for _ in row)
    db.execute(f"insert into {table} ({', '.join(row)}) values ({places})", tuple(row.values()))


def serving_prepare(size: int) -> None:
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import ElasticNet

    rows, target = training()
    frame = pd.DataFrame(rows, columns=COLUMNS)
    model = ElasticNet(alpha=0.01).fit(frame, target)
    signature = infer_signature(frame, model.predict(frame))
    mlflow.sklearn.save_model(
        model, "model", signature=signature, pip_requirements=["scikit-learn"]
    )


def serving(size: int) -> dict[str, float]:
    command = str(Path(sys.executable).with_name("mlflow"))
    options = ["-m", "model", "--env-manager", "local", "--workers", "1", "--port", "{port}"]
    path = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls uvicorn by name
    )
    environment = {"PATH": path, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}
    return measured([command, "models", "serve", *options], size, environment)


SERVER = [
    str(Path(sys.executable).with_name("mlflow")), "server", "--backend-store-uri", "sqlite:///mlflow.db",
    "--workers", "1", "--port", "{port}",
]  # fmt: skip


def http_log_metric(size: int) -> dict[str, float]:
    return tracking_load.log_metric(SERVER, size)


def http_log_batch(size: int) -> dict[str, float]:
    return tracking_load.log_batch(SERVER, size)


http_search_prepare = search_prepare


def http_search(_: int) -> dict[str, float]:
    return tracking_load.search(SERVER)


def ui_prepare(size: int) -> None:
    """Its page fails on runs that have no tag, so each gets the one that its client always sets."""
    search_prepare(size)
    db = sqlite3.connect("mlflow.db")
    db.execute(
        "insert or ignore into tags (key, value, run_uuid) select 'mlflow.runName', name, run_uuid from runs"
    )
    db.commit()


def ui(_: int) -> dict[str, float]:
    table = "/#/experiments/1/runs?searchFilter=&orderByKey=attributes.start_time&orderByAsc=false"
    pages = Pages(
        table=table,
        rows="text=/^run-\\d+$/ >> nth=9",
        charts=f"{table}&compareRunsMode=CHART",
        chart=".js-plotly-plot .plot-container, svg.main-svg",
        sort=table.replace(
            "attributes.start_time&orderByAsc=false", "metrics.%60loss%60&orderByAsc=true"
        ),
        filter=table.replace(
            "searchFilter=", "searchFilter=metrics.rmse%20%3C%200.5%20and%20metrics.mae%20%3E%200.2"
        ),
        is_app=True,
        answer="runs/search",
    )
    environment = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return look_at(SERVER, "/health", pages, environment)


if __name__ == "__main__":
    contest(globals())
