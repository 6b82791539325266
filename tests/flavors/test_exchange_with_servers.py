"""Export to a real MLflow server, import from one, and a real MLflow server on a store of ours."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pytest

from stageline.exchange.export_mlflow import MlflowExport
from stageline.exchange.importing import Import
from stageline.exchange.opening import open_mlflow
from stageline.exchange.outgoing import Outgoing
from stageline.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("default")  # theirs


@contextmanager
def mlflow_server(folder: Path, backend: str) -> Iterator[str]:
    """A server on a free port, ended with all its children."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", backend, "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "STAGELINE_CACHE": str(folder / "cache"),
    }
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 600  # importing MLflow, twice, on a busy machine
        while True:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()[-3000:]
                assert time.monotonic() < deadline, (folder / "server.log").read_text()[-3000:]
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def nobody() -> None:
    """Nobody watches."""


def populated(folder: Path) -> tuple[Workspace, str]:
    workspace = Workspace.open(folder)
    experiment = workspace.experiments.create("wine").experiment_id
    with workspace.runs.create(experiment, run_name="parent") as run:
        run.log_params({f"p{i}": i for i in range(150)})
        run.log_points([("rmse", 1.0 / (i + 1), i, 1_700_000_000_000 + i) for i in range(1100)])
        run.log_metric("odd", float("nan"))
        workspace.artifacts(run.run_id).log_text("hello", "notes/ä b.txt")
        workspace.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
    with workspace.runs.create(experiment, parent_run_id=run.run_id):
        pass
    workspace.registry.register("wine", run_id=run.run_id, artifact_path="model")
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.set_alias("wine", "champion", 1)
    return workspace, run.run_id


def test_out_to_a_server_and_in_again(tmp_path):
    workspace, run_id = populated(tmp_path / "store")
    with mlflow_server(tmp_path, "sqlite:///mlflow.db") as url:
        first = MlflowExport(Outgoing(workspace), url, {}).run(nobody)
        assert (first.counts["runs_new"], first.counts["points"]) == (2, 1101)
        again = MlflowExport(Outgoing(workspace), url, {}).run(nobody)
        assert (again.counts["runs_new"], again.counts["versions_new"]) == (0, 0)

        client = mlflow.MlflowClient(url)
        experiment = client.get_experiment_by_name("wine")
        found = client.search_runs(
            [experiment.experiment_id], f"tags.`stageline.run_id` = '{run_id}'"
        )
        theirs = found[0].info.run_id
        assert found[0].info.status == "FINISHED"
        assert len(found[0].data.params) == 150
        assert len(client.get_metric_history(theirs, "rmse")) == 1100
        version = client.get_model_version_by_alias("wine", "champion")
        assert (version.current_stage, version.run_id) == ("Production", theirs)

        back = Workspace.open(tmp_path / "back")
        source = open_mlflow(url, None, {})
        work = Import(source, back)
        assert work.begin() == 2
        done = work.run()
        assert done.failures == []
        assert len(back.runs.metric_history(theirs, "rmse")) == 1100
        assert back.artifacts(theirs).read("notes/ä b.txt") == b"hello"
        children = back.search_runs(
            [experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{theirs}'"
        )
        assert len(children) == 1
        assert back.registry.get_by_alias("wine", "champion").current_stage == "Production"
        again_in = Import(open_mlflow(url, None, {}), back)
        again_in.begin()
        assert again_in.run().counts["runs_new"] == 0


def test_their_server_serves_our_store(tmp_path):
    _, run_id = populated(tmp_path / "store")
    with mlflow_server(tmp_path, f"stageline+file://{tmp_path}/store") as url:
        client = mlflow.MlflowClient(url)
        experiment = client.get_experiment_by_name("wine")
        runs = client.search_runs([experiment.experiment_id], "metrics.rmse < 0.5")
        assert [run.info.run_id for run in runs] == [run_id]
        assert len(client.get_metric_history(run_id, "rmse")) == 1100
        new = client.create_run(experiment.experiment_id)
        client.log_metric(new.info.run_id, "m", 2.5)
        client.set_terminated(new.info.run_id)
        assert client.get_registered_model("wine").latest_versions[0].current_stage == "Production"
        with urllib.request.urlopen(
            f"{url}/ajax-api/2.0/mlflow/artifacts/list?run_id={run_id}", timeout=30
        ) as answer:
            assert b"notes" in answer.read()
        with urllib.request.urlopen(url, timeout=30) as page:
            assert re.search(rb"<title>MLflow</title>", page.read())
    assert Workspace.open(tmp_path / "store").runs.get(new.info.run_id).data.metrics == {"m": 2.5}
