"""The request budget of the design, exactly: what each operation asks of a remote store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stageline import MetricPoint, Workspace
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.storage.probe import ensure_format
from stageline.testing.counting import CountingStore
from stageline.tracking.pulse import PULSE


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    store = CountingStore(MemoryStore(f"memory://{tmp_path.name}"))
    ensure_format(store)  # asked once by a process, and written once in the life of a store
    # No background thread: the test does its work when it wants it done.
    monkeypatch.setattr(PULSE, "add", lambda beat: None)
    return Workspace(store, Settings(cache=str(tmp_path)))


def counted(workspace: Workspace) -> CountingStore:
    assert isinstance(workspace.store, CountingStore)
    return workspace.store


def test_start_asks_nothing_and_its_shipment_is_two_puts(workspace: Workspace) -> None:
    with counted(workspace).counted() as at_start:
        run = workspace.runs.create()
    assert at_start.total == 0
    with counted(workspace).counted() as shipped:
        run.stream.ship_start()
        run.stream.publish_live()
    assert (shipped.puts, shipped.total) == (2, 2)
    run.end()


def test_thousand_points_are_one_put_a_flush(workspace: Workspace) -> None:
    run = workspace.runs.create()
    run.flush()
    with counted(workspace).counted() as logging:
        for step in range(500):
            run.log_metric("loss", 1.0, step)
        run.log_points([MetricPoint("loss", 1.0, step, 0) for step in range(500)])
    assert logging.total == 0
    with counted(workspace).counted() as flushed:
        run.stream.ship()
    assert flushed.by_verb() == {"create": 1}
    with counted(workspace).counted() as idle:
        run.stream.ship()
    assert idle.total == 0
    run.end()


def test_end_is_three_puts(workspace: Workspace) -> None:
    run = workspace.runs.create()
    run.log_metric("loss", 1.0)
    run.flush()
    run.log_metric("loss", 0.5, 1)
    with counted(workspace).counted() as ending:
        run.end()
    assert (ending.puts, ending.total) == (3, 3)


def test_warm_search_is_two_lists(workspace: Workspace) -> None:
    for number in range(5):
        with workspace.runs.create() as run:
            run.log_param("alpha", number)
            run.log_metric("loss", number / 10)
    workspace.search_runs(["0"])
    with counted(workspace).counted() as warm:
        found = workspace.search_runs(["0"], "metrics.loss < 0.25", order_by=["metrics.loss DESC"])
    assert [run.data.params["alpha"] for run in found] == ["2", "1", "0"]
    assert warm.by_verb() == {"list": 2}


def test_reading_a_finished_run_is_one_list_and_one_get(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_points([MetricPoint("loss", 1.0, step, 0) for step in range(1000)])
    with counted(workspace).counted() as reading:
        workspace.runs.get(run.run_id)
    assert reading.by_verb() == {"list": 1, "read": 1}
    with counted(workspace).counted() as history:
        assert len(workspace.runs.metric_history(run.run_id, "loss")) == 1000
    assert history.by_verb() == {"list": 1, "read": 2}


def test_tag_of_a_finished_run_is_two_puts_after_it_was_read(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        pass
    with counted(workspace).counted() as tagging:
        workspace.runs.set_tags(run.run_id, {"team": "blue"})
    assert tagging.puts == 2
    assert tagging.by_verb() == {"list": 1, "read": 1, "create": 1, "replace": 1}
