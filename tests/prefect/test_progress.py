"""How far something long is: shown while it goes on, and at its end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, temporary_settings
from rest import artifacts_of

from prefect_stageline import progress_bar as module
from prefect_stageline import tracked_task
from prefect_stageline.progress_bar import progress, with_progress
from stageline.tasks import returned
from stageline.workspace import Workspace


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect is told of every step."""
    monkeypatch.setattr(module, "EVERY_S", 0.0)


def this_flow_run() -> str:
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return str(context.flow_run.id)


def test_training_that_tells_is_shown_on_its_task(eager: None):
    seen: list[float] = []

    @task
    def fit(flow_run_id: str) -> None:
        for epoch in with_progress(range(4), "Fit it"):
            if epoch == 2:
                (bar,) = artifacts_of(flow_run_id)["stageline-progress-fit-it"]
                seen.append(float(bar["data"]))

    @flow
    def training() -> str:
        fit(this_flow_run())
        return this_flow_run()

    (bar,) = artifacts_of(training())["stageline-progress-fit-it"]
    assert seen == [50.0]
    assert float(bar["data"]) == 100.0
    assert bar["task_run_id"] is not None
    assert bar["type"] == "progress"


def test_what_fails_stays_where_it_was(eager: None):
    def half() -> None:
        with progress("half", total=10) as bar:
            bar.reach(3)
            raise ValueError("no luck")

    @flow
    def failing() -> str:
        with pytest.raises(ValueError, match="no luck"):
            half()
        return this_flow_run()

    (bar,) = artifacts_of(failing())["stageline-progress-half"]
    assert float(bar["data"]) == 30.0


def test_what_is_quick_is_not_shown():
    @flow
    def quick() -> str:
        list(with_progress(range(3), "quick"))
        return this_flow_run()

    assert artifacts_of(quick()) == {}


def test_a_large_file_that_a_task_returns_is_shown_on_its_way(
    eager: None, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(returned, "LARGE", 1000)
    file = tmp_path / "model.bin"
    file.write_bytes(os.urandom(3 << 20))

    @tracked_task
    def train() -> Path:
        return file

    @flow
    def storing() -> str:
        train()
        return this_flow_run()

    (bar,) = artifacts_of(storing())["stageline-progress-store-model-bin"]
    assert float(bar["data"]) == 100.0
    assert bar["task_run_id"] is not None


def test_a_server_that_is_away_stops_nothing(eager: None, caplog: pytest.LogCaptureFixture):
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert list(with_progress(range(3), "alone")) == [0, 1, 2]
    assert caplog.text.count("can not show in Prefect how far alone is") == 1
