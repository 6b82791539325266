"""The real MLflow client on a store, with no server between: `mlflow.set_tracking_uri("stageline+file://...")`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import Ridge

from stageline.registry import MetricRule, Policy
from stageline.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("default")  # theirs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"stageline+file://{tmp_path}/store")
    mlflow.set_experiment("plugin")
    yield tmp_path / "store"
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)
    mlflow.tracking.fluent._active_experiment_id = None


@pytest.fixture
def workspace(folder: Path) -> Workspace:
    """As another process sees it."""
    return Workspace.open(folder)


def fitted(alpha: float = 1.0):
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    return Ridge(alpha=alpha).fit(frame, [0.0, 1.0, 2.0, 3.0]), frame


def log_model(name: str = "model", **more):
    model, frame = fitted()
    # Without the list, MLflow starts a process that imports the model to find it out: seconds each time.
    return mlflow.sklearn.log_model(
        model, name=name, input_example=frame.head(2), pip_requirements=["scikit-learn"], **more
    )


def test_what_a_run_logs_is_read_by_both(folder, workspace):
    with mlflow.start_run(run_name="first", tags={"team": "risk"}) as run:
        mlflow.log_params({"alpha": 0.5, "depth": 3})
        for step in range(5):
            mlflow.log_metric("rmse", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"r2": 0.9, "mae": 0.1})
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"k": 1}, "d.json")
        mlflow.set_tag("mood", "good")
    read = mlflow.get_run(run.info.run_id)
    assert read.info.status == "FINISHED"
    assert read.data.params == {"alpha": "0.5", "depth": "3"}
    assert read.data.metrics["rmse"] == 0.2
    ours = workspace.runs.get(run.info.run_id)
    assert ours.info.run_name == "first"
    assert ours.data.tags["mood"] == "good"
    assert [p.step for p in workspace.runs.metric_history(run.info.run_id, "rmse")] == list(
        range(5)
    )
    assert workspace.artifacts(run.info.run_id).read("notes/a.txt") == b"hello"
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "hello"
    listed = mlflow.MlflowClient().list_artifacts(run.info.run_id)
    assert {(one.path, one.is_dir) for one in listed} == {("notes", True), ("d.json", False)}


def test_point_is_on_disk_when_the_call_returns(folder, tmp_path):
    """A process that is killed leaves what it logged."""
    code = (
        "import mlflow, os, signal\n"
        f"mlflow.set_tracking_uri('stageline+file://{folder}')\n"
        "run = mlflow.start_run()\n"
        "[mlflow.log_metric('m', i, step=i) for i in range(50)]\n"
        "print(run.info.run_id, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    run_id = done.stdout.split()[-1]
    here = Workspace.open(folder)
    assert len(here.runs.metric_history(run_id, "m")) == 50
    assert here.runs.get(run_id).info.status == "KILLED"


def test_run_that_nobody_ends_is_ended_at_exit(folder):
    code = (
        "import mlflow\n"
        f"mlflow.set_tracking_uri('stageline+file://{folder}')\n"
        "run = mlflow.start_run()\n"
        "mlflow.log_metric('m', 1)\n"
        "print(run.info.run_id)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert Workspace.open(folder).runs.get(done.stdout.split()[-1]).info.status == "FINISHED"


def test_search_speaks_the_same_language_and_pages(folder):
    for alpha in (0.1, 0.2, 0.3):
        with mlflow.start_run(tags={"kind": "x"}):
            mlflow.log_param("alpha", alpha)
            mlflow.log_metric("rmse", alpha)
    found = mlflow.search_runs(
        filter_string="metrics.rmse > 0.15 AND tags.kind = 'x'", order_by=["metrics.rmse DESC"]
    )
    assert list(found["metrics.rmse"]) == [0.3, 0.2]
    client = mlflow.MlflowClient()
    experiment = mlflow.get_experiment_by_name("plugin").experiment_id
    first = client.search_runs([experiment], max_results=2)
    assert len(first) == 2
    assert len(client.search_runs([experiment], max_results=2, page_token=first.token)) == 1
    with pytest.raises(MlflowException) as refused:
        mlflow.search_runs(filter_string="metrics.rmse >> 1")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_logged_model_is_loaded_by_each_of_its_names(folder, workspace):
    with mlflow.start_run() as run:
        mlflow.log_metric("rmse", 0.25)
        info = log_model(registered_model_name="wine")
    frame = fitted()[1]
    mlflow.MlflowClient().set_registered_model_alias("wine", "champion", 1)
    for uri in (
        info.model_uri,
        f"models:/{info.model_id}",
        f"runs:/{run.info.run_id}/model",
        "models:/wine/1",
        "models:/wine@champion",
        "models:/wine/latest",
    ):
        assert np.allclose(mlflow.pyfunc.load_model(uri).predict(frame), fitted()[0].predict(frame))
    # And by ours: its files are artifacts of the run, and checked.
    loaded = workspace.models.load("models:/wine@champion", allow_pickle=True)
    assert np.allclose(loaded.predict(frame), fitted()[0].predict(frame))
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "rmse")
    assert len(history) == 1  # log_model repeats the run's points to say whose they are
    logged = mlflow.get_logged_model(info.model_id)
    assert [(m.key, m.value, m.run_id) for m in logged.metrics] == [("rmse", 0.25, run.info.run_id)]
    assert logged.status == "READY"
    run_now = mlflow.get_run(run.info.run_id)
    assert [one.model_id for one in run_now.outputs.model_outputs] == [info.model_id]
    assert not any(key.startswith("stageline.model.") for key in run_now.data.tags)


def test_same_model_registered_again_is_another_version(folder):
    with mlflow.start_run() as run:
        info = log_model()
    assert mlflow.register_model(info.model_uri, "wine").version == "1"
    assert mlflow.register_model(f"runs:/{run.info.run_id}/model", "wine").version == "2"
    client = mlflow.MlflowClient()
    found = client.search_model_versions("name = 'wine'")
    assert {(one.version, one.run_id) for one in found} == {
        ("1", run.info.run_id),
        ("2", run.info.run_id),
    }
    copied = client.copy_model_version("models:/wine/1", "copy")
    assert copied.version == "1"
    assert [one.name for one in mlflow.search_registered_models()] == ["copy", "wine"]


def test_gate_refuses_with_the_number_of_the_request(folder, workspace):
    with mlflow.start_run():
        mlflow.log_metric("rmse", 0.9)
        log_model(registered_model_name="wine")
    workspace.registry.set_policy(
        "wine", "Production", Policy(rules=(MetricRule(condition="metrics.rmse < 0.5"),))
    )
    client = mlflow.MlflowClient()
    with pytest.raises(MlflowException, match="request 1") as refused:
        client.transition_model_version_stage("wine", 1, "Production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    client.transition_model_version_stage("wine", 1, "Staging")
    assert [v.version for v in client.get_latest_versions("wine", ["Staging"])] == ["1"]


def test_registry_flows_of_the_client(folder):
    client = mlflow.MlflowClient()
    client.create_registered_model("m", tags={"t": "1"}, description="d")
    with pytest.raises(MlflowException) as again:
        client.create_registered_model("m")
    assert again.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with mlflow.start_run() as run:
        mlflow.log_text("x", "model/MLmodel")
    version = client.create_model_version("m", f"{run.info.artifact_uri}/model", run.info.run_id)
    client.set_model_version_tag("m", version.version, "k", "v")
    client.update_model_version("m", version.version, "text")
    client.set_registered_model_alias("m", "a", version.version)
    assert client.get_model_version_by_alias("m", "a").tags == {"k": "v"}
    client.delete_model_version_tag("m", version.version, "k")
    client.delete_registered_model_alias("m", "a")
    client.rename_registered_model("m", "n")
    assert client.get_registered_model("n").description == "d"
    client.delete_model_version("n", version.version)
    client.delete_registered_model("n")
    with pytest.raises(MlflowException) as gone:
        client.get_registered_model("n")
    assert gone.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_experiments_and_runs_are_deleted_and_restored(folder):
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("other", tags={"a": "b"})
    run = client.create_run(experiment)
    client.log_batch(run.info.run_id, params=[mlflow.entities.Param("p", "1")], metrics=[], tags=[])
    client.set_terminated(run.info.run_id, "FAILED")
    client.delete_run(run.info.run_id)
    with pytest.raises(MlflowException):
        client.log_metric(run.info.run_id, "m", 1)
    client.restore_run(run.info.run_id)
    client.rename_experiment(experiment, "renamed")
    client.set_experiment_tag(experiment, "c", "d")
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    client.restore_experiment(experiment)
    assert client.get_experiment_by_name("renamed").tags == {"a": "b", "c": "d"}
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_other_value_of_a_param_is_refused_in_their_words(folder):
    with mlflow.start_run():
        mlflow.log_param("alpha", 1)
        mlflow.log_param("alpha", 1)
        with pytest.raises(MlflowException, match="Changing param values is not allowed"):
            mlflow.log_param("alpha", 2)


def test_inputs_nested_runs_and_media(folder):
    data = mlflow.data.from_pandas(pd.DataFrame({"x": [1.0, 2.0]}), name="d", source="/data/d.csv")
    with mlflow.start_run() as parent:
        mlflow.log_input(data, context="training")
        mlflow.log_table({"q": ["a"], "r": ["b"]}, "t.json")
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("m", 1)
    read = mlflow.get_run(parent.info.run_id)
    assert read.inputs.dataset_inputs[0].dataset.name == "d"
    assert read.inputs.dataset_inputs[0].tags[0].value == "training"
    assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert list(mlflow.load_table("t.json", run_ids=[parent.info.run_id])["q"]) == ["a"]


def test_model_checkpoints_keep_their_own_metrics(folder):
    with mlflow.start_run():
        ids = [log_model("net", step=step).model_id for step in (1, 2)]
        for step, model_id in enumerate(ids, 1):
            mlflow.log_metric("acc", step / 10, step=step, model_id=model_id)
    found = mlflow.search_logged_models(
        order_by=[{"field_name": "metrics.acc", "ascending": False}], output_format="list"
    )
    assert [one.model_id for one in found] == ids[::-1]
    for one in found:
        assert mlflow.sklearn.load_model(f"models:/{one.model_id}") is not None


def test_model_of_no_run(folder):
    model = mlflow.create_external_model(name="outside", params={"a": "1"})
    mlflow.set_logged_model_tags(model.model_id, {"k": "v"})
    assert mlflow.get_logged_model(model.model_id).tags["k"] == "v"
    mlflow.MlflowClient().delete_logged_model(model.model_id)
    assert mlflow.search_logged_models(output_format="list") == []


def test_autolog_of_sklearn(folder):
    mlflow.sklearn.autolog()
    try:
        with mlflow.start_run() as run:
            fitted(0.7)
    finally:
        mlflow.sklearn.autolog(disable=True)
    read = mlflow.get_run(run.info.run_id)
    assert read.data.params["alpha"] == "0.7"
    assert "training_r2_score" in read.data.metrics
    assert mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").alpha == 0.7


def test_autolog_of_xgboost(folder):
    import xgboost

    mlflow.xgboost.autolog()
    try:
        with mlflow.start_run() as run:
            data = xgboost.DMatrix(np.arange(20.0).reshape(10, 2), np.arange(10.0))
            xgboost.train({"max_depth": 2}, data, 4, evals=[(data, "train")], verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "train-rmse")
    assert [point.step for point in history] == [0, 1, 2, 3]
    assert mlflow.xgboost.load_model(f"runs:/{run.info.run_id}/model") is not None


def test_asynchronous_logging_arrives(folder):
    with mlflow.start_run() as run:
        waiting = [mlflow.log_metric("m", float(i), step=i, synchronous=False) for i in range(20)]
        for one in waiting:
            one.wait()
    assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "m")) == 20


def test_traces_are_refused_by_name(folder):
    client = mlflow.MlflowClient()
    with pytest.raises(MlflowException, match="not supported by a Stageline store") as refused:
        client._tracing_client.store.search_traces(["0"])
    assert refused.value.error_code == "NOT_IMPLEMENTED"


def test_no_method_of_their_store_is_left_to_their_base():
    """A version of MLflow with another store method is noticed here."""
    from mlflow.store.tracking.abstract_store import AbstractStore

    from stageline.mlflow_plugin.tracking_store import StagelineTrackingStore

    bare = {
        name
        for name in getattr(AbstractStore, "__abstractmethods__", ()) or dir(AbstractStore)
        if not name.startswith("__")
        and getattr(getattr(AbstractStore, name), "__isabstractmethod__", False)
        and getattr(StagelineTrackingStore, name) is getattr(AbstractStore, name)
    }
    assert bare == set()


def test_remote_store_is_written_in_the_background_and_read_back_at_once(folder):
    mlflow.set_tracking_uri("stageline+memory://plugin-remote")
    mlflow.set_experiment("remote")
    with mlflow.start_run() as run:
        for step in range(100):
            mlflow.log_metric("m", step, step=step)
        history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "m")
        assert len(history) == 100
        mlflow.log_text("x", "a/b.txt")
    assert len(mlflow.search_runs(filter_string="metrics.m = 99")) == 1
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/a/b.txt") == "x"
    page = mlflow.MlflowClient()._tracking_client.store.get_metric_history(
        run.info.run_id, "m", max_results=60
    )
    assert (len(page), bool(page.token)) == (60, True)


def test_metric_costs_no_request(folder, monkeypatch):
    """Neither a read back nor a write of its own: an append to the run's open log."""
    from stageline.mlflow_plugin.opened import opened

    with mlflow.start_run():
        mlflow.log_metric("m", 0)
        store = opened(str(folder)).store
        for verb in ("read", "create", "replace", "list", "open"):

            def refuse(*_, verb=verb, **__):
                raise AssertionError(f"log_metric asked the store to {verb}")

            monkeypatch.setattr(store, verb, refuse)
        for step in range(10):
            mlflow.log_metric("m", step, step=step)
            mlflow.log_param(f"p{step}", step)
            mlflow.set_tag("t", step)
        monkeypatch.undo()
