"""The real MLflow client, unchanged, against `stageline server`: registry, models, webhooks, autologging, serving."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "server"))

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from processes import until
from receiver import Receiver, receiving
from registry_flows import REGISTRY_FLOWS
from running import Running
from sklearn.linear_model import Ridge

from stageline.registry import MetricRule, Policy
from stageline.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, and those of what it imports
KEY = "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    allowed = {
        "STAGELINE_WEBHOOK_KEYS": KEY,
        "STAGELINE_WEBHOOK_ALLOW": "127.0.0.0/8",
        "STAGELINE_WEBHOOK_HTTP": "true",
    }
    with Running(str(folder / "store"), folder, "--workers", "2", **allowed) as running:
        yield running


@pytest.fixture
def client(server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.MlflowClient]:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"http://127.0.0.1:{server.port}")
    mlflow.set_experiment(experiment_id="0")
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)
    os.environ.pop("MLFLOW_RUN_ID", None)


@pytest.fixture
def workspace(server: Running, folder: Path) -> Workspace:
    """As another process sees the store."""
    return Workspace.open(folder / "store", user="ann")


def fitted(alpha: float = 1.0) -> tuple[Ridge, pd.DataFrame]:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    return Ridge(alpha=alpha).fit(frame, [0.0, 1.0, 2.0, 3.0]), frame


def log_model(name: str = "model", **more: Any) -> Any:
    model, frame = fitted()
    # Without the list, MLflow starts a process that imports the model to find it out: seconds each time.
    return mlflow.sklearn.log_model(
        model, name=name, input_example=frame.head(2), pip_requirements=["scikit-learn"], **more
    )


@pytest.mark.parametrize("flow", REGISTRY_FLOWS, ids=lambda flow: flow.__name__)
def test_client_does_what_users_do(client: mlflow.MlflowClient, flow: Any) -> None:
    flow(client)


def test_logged_model_is_loaded_by_each_of_its_names(
    client: mlflow.MlflowClient, workspace: Workspace
) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("rmse", 0.25)
        info = log_model(registered_model_name="named")
    client.set_registered_model_alias("named", "champion", 1)
    client.transition_model_version_stage("named", 1, "Production")
    model, frame = fitted()
    for uri in (
        info.model_uri,
        f"models:/{info.model_id}",
        f"runs:/{run.info.run_id}/model",
        "models:/named/1",
        "models:/named/Production",
        "models:/named@champion",
        "models:/named/latest",
    ):
        assert np.allclose(mlflow.pyfunc.load_model(uri).predict(frame), model.predict(frame)), uri
    # And by ours: its files are artifacts of the run, and checked.
    loaded = workspace.models.load("models:/named@champion", allow_pickle=True)
    assert np.allclose(loaded.predict(frame), model.predict(frame))
    assert len(client.get_metric_history(run.info.run_id, "rmse")) == 1
    logged = mlflow.get_logged_model(info.model_id)
    assert [(m.key, m.value, m.run_id) for m in logged.metrics] == [("rmse", 0.25, run.info.run_id)]
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "named", "version": "1"}]
    assert [one.path for one in client.list_logged_model_artifacts(info.model_id) if not one.is_dir]
    assert client.get_model_version("named", "1").run_id == run.info.run_id


def test_same_model_is_registered_again_and_copied(client: mlflow.MlflowClient) -> None:
    with mlflow.start_run() as run:
        info = log_model()
    assert mlflow.register_model(info.model_uri, "again").version == "1"
    assert mlflow.register_model(f"runs:/{run.info.run_id}/model", "again").version == "2"
    assert client.copy_model_version("models:/again/1", "copied").version == "1"
    frame = fitted()[1]
    for uri in ("models:/again/2", "models:/copied/1"):
        assert mlflow.pyfunc.load_model(uri).predict(frame) is not None
    runs = {one.run_id for one in client.search_model_versions("name IN ('again', 'copied')")}
    assert runs == {run.info.run_id}


def test_gate_refuses_with_the_number_of_the_request(
    client: mlflow.MlflowClient, workspace: Workspace
) -> None:
    with mlflow.start_run():
        mlflow.log_metric("rmse", 0.9)
        log_model(registered_model_name="gated")
    rule = MetricRule(condition="metrics.rmse < 0.5")
    workspace.registry.set_policy("gated", "Production", Policy(rules=(rule,)))
    with pytest.raises(MlflowException, match="request 1") as refused:
        client.transition_model_version_stage("gated", 1, "Production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert client.get_model_version("gated", "1").current_stage == "None"
    client.transition_model_version_stage("gated", 1, "Staging")
    assert [v.version for v in client.get_latest_versions("gated", ["Staging"])] == ["1"]


def test_model_checkpoints_keep_their_own_metrics(client: mlflow.MlflowClient) -> None:
    mlflow.set_experiment("checkpoints")
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


def test_model_of_no_run_is_kept_and_loaded(client: mlflow.MlflowClient) -> None:
    mlflow.set_experiment("outside")
    model = mlflow.create_external_model(name="outside", params={"a": "1"})
    mlflow.set_logged_model_tags(model.model_id, {"k": "v"})
    assert mlflow.get_logged_model(model.model_id).tags["k"] == "v"
    info = log_model("alone")  # outside of a run
    if mlflow.active_run():
        mlflow.end_run()
    assert mlflow.sklearn.load_model(f"models:/{info.model_id}") is not None
    client.delete_logged_model(model.model_id)
    assert [one.name for one in mlflow.search_logged_models(output_format="list")] == ["alone"]


def test_autolog_of_sklearn(client: mlflow.MlflowClient) -> None:
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            fitted(0.7)
    finally:
        mlflow.sklearn.autolog(disable=True)
    read = client.get_run(run.info.run_id)
    assert read.data.params["alpha"] == "0.7"
    assert "training_r2_score" in read.data.metrics
    assert len(read.outputs.model_outputs) == 1
    assert mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").alpha == 0.7


def test_autolog_of_xgboost(client: mlflow.MlflowClient) -> None:
    import xgboost

    mlflow.xgboost.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            data = xgboost.DMatrix(np.arange(20.0).reshape(10, 2), np.arange(10.0))
            xgboost.train({"max_depth": 2}, data, 4, evals=[(data, "train")], verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    history = client.get_metric_history(run.info.run_id, "train-rmse")
    assert [point.step for point in history] == [0, 1, 2, 3]
    assert mlflow.xgboost.load_model(f"runs:/{run.info.run_id}/model") is not None


def test_webhook_is_tried_and_told(client: mlflow.MlflowClient) -> None:
    with receiving() as receiver:
        made = client.create_webhook(
            "told", receiver.url, ["registered_model.created"], secret="correct horse"
        )
        tried = client.test_webhook(made.webhook_id)
        assert (tried.success, tried.response_status) == (True, 200)
        client.create_registered_model("announced")
        until(lambda: _names(receiver) == ["announced"], "told of the model")
        assert receiver.received[-1].is_signed_with("correct horse")
        client.delete_webhook(made.webhook_id)


def _names(receiver: Receiver) -> list[str]:
    """Of the models that were told of, the example of the trial left out."""
    return [one.document["data"]["name"] for one in receiver.received[1:]]


def test_mlflow_serves_a_version(
    client: mlflow.MlflowClient, server: Running, tmp_path: Path
) -> None:
    with mlflow.start_run():
        log_model(registered_model_name="served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    beside = Path(sys.executable).parent
    command = [
        str(beside / "mlflow"),
        "models",
        "serve",
        "-m",
        "models:/served/1",
        "--port",
        str(port),
    ]
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{server.port}",
        "PATH": f"{beside}:{os.environ['PATH']}",
    }
    log = tmp_path / "log"
    with log.open("wb") as out:
        serving = subprocess.Popen(
            [*command, "--env-manager", "local"],
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
    try:
        # On a busy machine importing MLflow, twice, takes minutes.
        until(lambda: _is_up(port) or serving.poll() is not None, "served by MLflow", within_s=600)
        assert serving.poll() is None, log.read_text()
        model, frame = fitted()
        body = json.dumps({"dataframe_split": frame.to_dict(orient="split")}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert np.allclose(json.loads(answer.read())["predictions"], model.predict(frame))
    finally:
        _end(serving)


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
