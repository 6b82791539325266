"""What users of MLflow's client do, each a function of a client; whatever answers has to make it true."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException


def quickstart(client: MlflowClient) -> None:
    with mlflow.start_run(run_name="first", tags={"a": "b"}, description="d") as run:
        mlflow.log_param("alpha", 0.5)
        mlflow.log_params({"x": 1, "y": "z"})
        mlflow.log_metric("rmse", 1.5)
        mlflow.log_metric("rmse", 1.0, step=1)
        mlflow.log_metrics({"r2": 0.5, "nan": math.nan}, step=3)
        mlflow.set_tag("t", "v")
        mlflow.set_tags({"u": "w"})
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "first"
    assert found.data.params == {"alpha": "0.5", "x": "1", "y": "z"}
    assert found.data.metrics["rmse"] == 1.0
    assert math.isnan(found.data.metrics["nan"])
    assert {"a": "b", "t": "v", "u": "w"}.items() <= found.data.tags.items()
    points = client.get_metric_history(run.info.run_id, "rmse")
    assert [(point.step, point.value) for point in points] == [(0, 1.5), (1, 1.0)]


def experiments(client: MlflowClient) -> None:
    mlflow.set_experiment("wine")
    mlflow.set_experiment("wine")
    assert [e.name for e in mlflow.search_experiments(filter_string="name LIKE 'win%'")] == ["wine"]
    made = client.create_experiment("two", tags={"k": "v"})
    client.rename_experiment(made, "three")
    client.set_experiment_tag(made, "a", "b")
    client.delete_experiment_tag(made, "a")
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    client.restore_experiment(made)
    assert client.get_experiment(made).tags == {"k": "v"}
    assert client.get_experiment_by_name("nobody's") is None


def search(client: MlflowClient) -> None:
    experiment = client.create_experiment("searched")
    for number in range(5):
        run = client.create_run(experiment, run_name=f"r{number}", start_time=1000 + number)
        client.log_metric(run.info.run_id, "m", number, timestamp=1)
        client.log_param(run.info.run_id, "p", number % 2)
    found = client.search_runs(
        [experiment], "metrics.m >= 1 and params.p = '1'", order_by=["metrics.m DESC"]
    )
    assert [run.info.run_name for run in found] == ["r3", "r1"]
    page = client.search_runs([experiment], max_results=2)
    rest = client.search_runs([experiment], max_results=5, page_token=page.token)
    assert [run.info.run_name for run in [*page, *rest]] == ["r4", "r3", "r2", "r1", "r0"]
    assert rest.token is None


def put_aside(client: MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert refusal(client.log_metric, run_id, "m", 1) == ("INVALID_PARAMETER_VALUE", 400)
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1, timestamp=1)


def batches(client: MlflowClient) -> None:
    run_id = client.create_run("0", run_name="named").info.run_id
    client.log_batch(
        run_id,
        [Metric("m", step, 1, step) for step in range(100)],
        [Param("p", "1")],
        [RunTag("t", "1")],
    )
    client.delete_tag(run_id, "t")
    client.update_run(run_id, name="again")
    client.set_terminated(run_id, "FAILED", end_time=5)
    assert len(client.get_metric_history(run_id, "m")) == 100
    info = client.get_run(run_id).info
    assert (info.run_name, info.status, info.end_time) == ("again", "FAILED", 5)
    assert "t" not in client.get_run(run_id).data.tags


def inputs(client: MlflowClient) -> None:
    import numpy
    from mlflow.data.numpy_dataset import from_numpy

    with mlflow.start_run() as run:
        dataset = from_numpy(numpy.zeros(3), source="http://host/data.npy", name="train")
        mlflow.log_input(dataset, context="training")
    (found,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.tags[0].value) == ("train", "training")


def nested(client: MlflowClient) -> None:
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        mlflow.log_metric("m", 1)
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id


def resume(client: MlflowClient) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1)
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("later", 2)
    found = client.get_run(run.info.run_id)
    assert (found.data.metrics, found.info.status) == ({"m": 1, "later": 2}, "FINISHED")


def refusals(client: MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "p", "1")
    client.log_param(run_id, "p", "1")
    invalid = ("INVALID_PARAMETER_VALUE", 400)
    missing = ("RESOURCE_DOES_NOT_EXIST", 404)
    assert refusal(client.log_param, run_id, "p", "2") == invalid
    assert refusal(client.log_metric, run_id, "a//b", 1) == invalid
    assert refusal(client.log_metric, run_id, "m", 1, timestamp=-1) == invalid
    assert refusal(client.set_tag, run_id, "k" * 251, "v") == invalid
    assert refusal(client.search_runs, ["0"], "nonsense") == invalid
    assert refusal(client.search_runs, ["0"], page_token="zz") == invalid
    assert refusal(client.search_runs, ["0"], max_results=50_001) == invalid
    assert refusal(client.get_run, "0" * 32) == missing
    assert refusal(client.get_experiment, "123456789") == missing
    assert refusal(client.delete_tag, run_id, "nothing") == missing
    assert refusal(client.create_experiment, "Default") == ("RESOURCE_ALREADY_EXISTS", 400)


def files(client: MlflowClient) -> None:
    folder = Path(tempfile.mkdtemp())
    large = folder / "large.bin"
    large.write_bytes(os.urandom(3_000_000))
    with mlflow.start_run() as run:
        run_id = run.info.run_id
        mlflow.log_text("hello", "n/t ü.txt")
        mlflow.log_dict({"k": [1]}, "d.json")
        mlflow.log_artifact(str(large), "dir")
        mlflow.log_artifacts(str(folder), "many")
    listed = [(file.path, file.is_dir) for file in client.list_artifacts(run_id)]
    assert listed == [("d.json", False), ("dir", True), ("many", True), ("n", True)]
    assert [file.file_size for file in client.list_artifacts(run_id, "dir")] == [3_000_000]
    there = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="dir/large.bin")
    assert Path(there).read_bytes() == large.read_bytes()
    whole = Path(mlflow.artifacts.download_artifacts(run_id=run_id))
    assert (whole / "many" / "large.bin").stat().st_size == 3_000_000
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/n/t ü.txt") == "hello"
    assert client.list_artifacts(run_id, "nowhere") == []


def tables_and_images(client: MlflowClient) -> None:
    import numpy

    with mlflow.start_run() as run:
        mlflow.log_table({"a": [1]}, "t.json")
        mlflow.log_table({"a": [2]}, "t.json")
        mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), key="img", step=1)
    assert list(mlflow.load_table("t.json", run_ids=[run.info.run_id])["a"]) == [1, 2]
    assert len(client.list_artifacts(run.info.run_id, "images")) == 2


def later_than_said(client: MlflowClient) -> None:
    """Asynchronous logging: batches from a thread of the client."""
    with mlflow.start_run() as run:
        for step in range(50):
            mlflow.log_metric("m", step, step=step, synchronous=False)
        mlflow.flush_async_logging()
    assert len(client.get_metric_history(run.info.run_id, "m")) == 50


def autolog(client: MlflowClient) -> None:
    from sklearn.linear_model import ElasticNet

    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        with mlflow.start_run() as run:
            ElasticNet().fit([[0.0, 1.0], [1.0, 2.0], [2.0, 1.0]], [0.0, 1.0, 2.0])
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id).data
    assert found.params["alpha"] == "1.0"
    assert found.metrics["training_r2_score"] is not None


FLOWS = (
    quickstart, experiments, search, put_aside, batches, inputs, nested, resume, refusals, files,
    tables_and_images, later_than_said, autolog,
)  # fmt: skip


def refusal(call: Any, *arguments: Any, **named: Any) -> tuple[str, int]:
    """The code and status that `call` is refused with."""
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return error.error_code, error.get_http_status_code()
    raise AssertionError(f"{call.__name__}{arguments} was not refused")
