"""The real MLflow client, unchanged, against `stageline server`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "server"))

import mlflow
import tracking_flows
from running import Running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    with Running(str(folder / "store"), folder, "--workers", "2") as running:
        yield running


@pytest.mark.filterwarnings("ignore")  # MLflow's own, and those of what it imports
@pytest.mark.parametrize("flow", tracking_flows.FLOWS, ids=lambda flow: flow.__name__)
def test_client_does_what_users_do(
    server: Running, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"http://127.0.0.1:{server.port}")
    mlflow.set_experiment(experiment_id="0")
    try:
        flow(mlflow.MlflowClient())
    finally:
        mlflow.set_tracking_uri(before)
        os.environ.pop("MLFLOW_RUN_ID", None)
