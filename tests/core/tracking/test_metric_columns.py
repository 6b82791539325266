"""The points of metrics as columns say what the list of points says, wherever the points lie."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from stageline import Workspace
from stageline.errors import NotFound
from stageline.settings import Settings
from stageline.storage.open import open_store


@pytest.fixture(params=["local", "memory"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    return Workspace(open_store(url), Settings(cache=str(tmp_path / "cache"), user="ada"))


def listed(workspace: Workspace, run_id: str, key: str) -> list[tuple[int, int, float]]:
    series = workspace.runs.metric_columns(run_id, [key])[key]
    return [
        point
        for _, each in sorted(series.items())
        for point in sorted(zip(each.steps, each.timestamps, each.values, strict=True))
    ]


def test_columns_hold_the_points_of_the_history(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        for step in (2, 0, 1):
            run.log_batch([("loss", step / 4, step, 1_000 + step), ("other", 1.0, step, 1)])
        while_open = listed(workspace, run.run_id, "loss")
    history = workspace.runs.metric_history(run.run_id, "loss")
    assert while_open == [(point.step, point.timestamp, point.value) for point in history]
    assert listed(workspace, run.run_id, "loss") == while_open
    assert len(while_open) == 3


def test_several_keys_are_read_at_once_and_an_unknown_one_is_empty(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_batch([("a", 1.0, 0, 1), ("b", math.nan, 0, 1), ("c", 3.0, 0, 1)])
    found = workspace.runs.metric_columns(run.run_id, ["a", "b", "nobody has it"])
    assert set(found) == {"a", "b", "nobody has it"}
    assert list(found["a"][1].values) == [1.0]
    assert math.isnan(found["b"][1].values[0])
    assert found["nobody has it"] == {}


def test_points_of_each_attempt_stay_apart(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_metric("loss", 1.0, 0)
    with workspace.runs.resume(run.run_id, attempt=2) as again:
        again.log_metric("loss", 0.5, 0)
    found = workspace.runs.metric_columns(run.run_id, ["loss"])["loss"]
    assert {attempt: list(series.values) for attempt, series in found.items()} == {
        1: [1.0],
        2: [0.5],
    }


def test_columns_of_an_unknown_run_are_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        workspace.runs.metric_columns("a" * 32, ["loss"])
