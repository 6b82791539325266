"""Writes what tests/core/exchange reads: a small `mlruns/` folder and an `mlflow.db`, by the real MLflow 3.17.2.

    .venv/flavors/bin/python tests/flavors/make_exchange_fixtures.py tests/core/fixtures/mlflow

Both hold the same: two experiments (one deleted), runs with histories, NaN, a child, a deleted one, datasets,
artifacts, a logged model with metrics, a registered model with three versions (one deleted), stages, tags and aliases.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import pandas as pd
from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, Param, RunTag


def populate() -> dict[str, object]:
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("wine", tags={"team": "risk"})
    gone = client.create_experiment("gone")
    client.create_run(gone)
    client.delete_experiment(gone)
    first = client.create_run(experiment, run_name="first", start_time=1_700_000_000_000)
    run_id = first.info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("rmse", 1.0 / (i + 1), 1_700_000_000_000 + i, i) for i in range(200)]
        + [
            Metric("odd", value, 1_700_000_000_000 + i, i)
            for i, value in enumerate((1.5, float("nan"), -2.0))
        ],
        params=[Param("alpha", "0.5"), Param("empty", "")],
        tags=[RunTag("mood", "good"), RunTag("note", "several\nlines: ✓")],
    )
    data = mlflow.data.from_pandas(
        pd.DataFrame({"x": [1.0]}), name="train", source="/data/train.csv"
    )
    client.log_inputs(
        run_id,
        [DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", "training")])],
    )
    client.log_text(run_id, "hello\n", "notes/a.txt")
    client.log_text(run_id, "", "empty.txt")
    model = client.create_logged_model(
        experiment, "model", source_run_id=run_id, params={"depth": "3"}, tags={"k": "v"}
    )
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 7)])
    with tempfile.TemporaryDirectory() as made:
        Path(made, "MLmodel").write_text(
            'artifact_path: model\nflavors: {}\nsignature:\n  inputs: \'[{"type": "double", "name": "x"}]\'\n'
            f"model_id: {model.model_id}\nrun_id: {run_id}\n"
        )
        client.log_model_artifacts(model.model_id, made)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_batch(
        run_id,
        metrics=[
            Metric(
                "rmse",
                0.005,
                1_700_000_000_199,
                199,
                model_id=model.model_id,
                dataset_name="train",
                dataset_digest=data.digest,
            )
        ],
    )
    child = client.create_run(experiment, tags={"mlflow.parentRunId": run_id})
    client.set_terminated(child.info.run_id, "FAILED")
    deleted = client.create_run(experiment)
    client.set_terminated(deleted.info.run_id, "KILLED")
    client.delete_run(deleted.info.run_id)
    client.set_terminated(run_id, "FINISHED", end_time=1_700_000_005_000)
    running = client.create_run(experiment, run_name="left running")
    client.create_registered_model("wine", tags={"t": "1"}, description="a model")
    client.create_model_version(
        "wine", f"models:/{model.model_id}", run_id, model_id=model.model_id, description="one"
    )
    client.create_model_version("wine", f"{first.info.artifact_uri}/notes", run_id)
    client.create_model_version("wine", "s3://elsewhere/model", tags={"far": "yes"})
    client.transition_model_version_stage("wine", 1, "Production")
    client.transition_model_version_stage("wine", 3, "Archived")
    client.delete_model_version("wine", 2)
    client.set_registered_model_alias("wine", "champion", 1)
    return {
        "experiment": experiment, "gone": gone, "first": run_id, "child": child.info.run_id,
        "deleted": deleted.info.run_id, "running": running.info.run_id, "model": model.model_id,
    }  # fmt: skip


ELSEWHERE = "/data/ml"
"""Where both say that they were made: a place that is not there, as after a move."""


def main(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    (target / "db").mkdir(parents=True)
    told = {}
    os.chdir(target)
    mlflow.set_tracking_uri("mlruns")
    told["mlruns"] = populate()
    for file in Path("mlruns").rglob("meta.yaml"):
        file.write_text(file.read_text().replace(str(target), ELSEWHERE))
    os.chdir(target / "db")
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    told["mlflow.db"] = populate()
    mend_database(str(target / "db"))
    (target / "told.json").write_text(json.dumps(told, indent=1) + "\n")


def mend_database(place: str) -> None:
    """Small pages, since most of some hundred tables and indices are empty; and no path of this machine."""
    with sqlite3.connect("mlflow.db") as db:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("logged_models", "artifact_location"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
        ):
            db.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (place, ELSEWHERE))
    db = sqlite3.connect("mlflow.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("PRAGMA page_size = 512")
    db.execute("VACUUM")
    db.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
