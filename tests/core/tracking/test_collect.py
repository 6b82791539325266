"""Garbage is collected in two phases, and whatever was restored, protected or alive meanwhile stays."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from stageline.domain.run import TAG_PROTECTED, ViewType
from stageline.errors import NotFound, StorageFailed
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.index import ExperimentIndex
from stageline.storage.keys import TEMPORARY
from stageline.storage.local import LocalStore
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.tracking.collect import Collected, leftovers
from stageline.tracking.reading import RunReader
from stageline.tracking.verdicts import Verdicts
from stageline.workspace import Workspace

DAY_S = 86_400.0
_names = count()


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    return MemoryStore(f"memory://collect-{next(_names)}")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def workspace(store: ObjectStore, clock: FixedClock, tmp_path: Path) -> Workspace:
    return opened(store, clock, tmp_path)


def opened(store: ObjectStore, clock: FixedClock, tmp_path: Path) -> Workspace:
    return Workspace(store, Settings(cache=str(tmp_path / "cache")), clock)


def finished_run(workspace: Workspace, experiment_id: str = "0", **tags: str) -> str:
    run = workspace.runs.create(experiment_id, tags=tags)
    run.log_metric("rmse", 0.5)
    run.log_param("alpha", 1)
    workspace.artifacts(run.run_id).log_text("hello", "folder/hello.txt")
    run.end()
    return run.run_id


def run_gc(workspace: Workspace) -> Collected:
    """One call of `stageline gc` as its users make it."""
    collector = workspace.collector()
    done = collector.collect(collector.due())
    collector.mark(collector.plan())
    return done


def found(workspace: Workspace) -> set[str]:
    experiments = [e.experiment_id for e in workspace.experiments.list(ViewType.ALL)]
    return {run.info.run_id for run in workspace.search_runs(experiments, view=ViewType.ALL)}


def noted_runs(workspace: Workspace) -> list[str]:
    return [run for mark in workspace.collector().marks() for run in mark.garbage.runs]


def keys_of(store: ObjectStore, run_id: str) -> list[str]:
    return [entry.key for entry in store.list(layout.run_folder(run_id))]


def test_a_run_deleted_long_ago_is_gone_a_grace_time_after_it_was_noted(
    workspace: Workspace, store: ObjectStore, clock: FixedClock
) -> None:
    kept, dead = finished_run(workspace), finished_run(workspace)
    workspace.runs.delete(dead)
    assert found(workspace) == {kept, dead}
    clock.sleep(31 * DAY_S)

    assert run_gc(workspace).runs == []
    assert keys_of(store, dead)
    clock.sleep(DAY_S + 1)
    assert run_gc(workspace).runs == [dead]

    assert keys_of(store, dead) == []
    assert found(workspace) == {kept}
    assert workspace.artifacts(kept).read("folder/hello.txt") == b"hello"
    assert noted_runs(workspace) == []
    with pytest.raises(NotFound):
        workspace.runs.get(dead)


def test_a_reader_who_knew_a_collected_run_forgets_it(
    workspace: Workspace, store: ObjectStore, clock: FixedClock, tmp_path: Path
) -> None:
    kept = finished_run(workspace)
    assert found(workspace) == {kept}
    # The index is older than the next run, which so lies in its inbox alone.
    dead = finished_run(workspace)
    reader = opened(store, clock, tmp_path / "elsewhere")
    workspace.runs.delete(dead)
    assert found(reader) == {kept, dead}
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    clock.sleep(2 * DAY_S)
    run_gc(workspace)
    assert found(reader) == found(workspace) == {kept}


def test_nothing_is_deleted_before_the_grace_is_over(
    workspace: Workspace, clock: FixedClock
) -> None:
    dead = finished_run(workspace)
    workspace.runs.delete(dead)
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    clock.sleep(DAY_S - 10)
    assert run_gc(workspace) == Collected([], [], [], {})
    assert found(workspace) == {dead}


def test_a_run_deleted_lately_is_not_noted(workspace: Workspace, clock: FixedClock) -> None:
    workspace.runs.delete(finished_run(workspace))
    clock.sleep(29 * DAY_S)
    assert workspace.collector().plan().is_nothing


def test_a_run_restored_between_the_phases_survives(
    workspace: Workspace, clock: FixedClock
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    workspace.runs.restore(run_id)
    clock.sleep(2 * DAY_S)

    done = run_gc(workspace)

    assert (done.runs, done.spared) == ([], {run_id: "it was restored"})
    assert workspace.runs.get(run_id).data.metrics == {"rmse": 0.5}
    assert noted_runs(workspace) == []


def test_a_protected_run_is_never_collected(workspace: Workspace, clock: FixedClock) -> None:
    workspace.runs.delete(finished_run(workspace, **{TAG_PROTECTED: "true"}))
    clock.sleep(365 * DAY_S)
    assert workspace.collector().plan().is_nothing


def test_a_deleted_run_that_is_still_written_is_not_collected(
    workspace: Workspace, clock: FixedClock
) -> None:
    run = workspace.runs.create()
    workspace.runs.delete(run.run_id)
    run.flush()
    clock.sleep(31 * DAY_S)
    assert workspace.collector().plan().runs == {}
    run.end()
    assert workspace.collector().plan().runs == {run.run_id: "0"}


def test_a_deleted_experiment_goes_with_all_its_runs_and_frees_its_name(
    workspace: Workspace, store: ObjectStore, clock: FixedClock
) -> None:
    kept = finished_run(workspace)
    experiment_id = workspace.experiments.create("old").experiment_id
    dead = {finished_run(workspace, experiment_id), finished_run(workspace, experiment_id)}
    workspace.views.save(experiment_id, "best", "order=metrics.rmse", "ann")
    workspace.views.keep_choice(experiment_id, dead)
    workspace.experiments.delete(experiment_id)
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    clock.sleep(2 * DAY_S)

    done = run_gc(workspace)

    assert (done.experiments, set(done.runs)) == ([experiment_id], dead)
    assert [e.experiment_id for e in workspace.experiments.list(ViewType.ALL)] == ["0"]
    assert found(workspace) == {kept}
    assert store.list(layout.experiment_journal(experiment_id)) == []
    assert store.list(f"{layout.INDEX}{experiment_id}/") == []
    assert store.list(layout.VIEWS) == []
    with pytest.raises(NotFound):
        workspace.experiments.get(experiment_id)
    assert workspace.experiments.create("old").name == "old"


def test_an_experiment_restored_between_the_phases_survives_with_its_runs(
    workspace: Workspace, clock: FixedClock
) -> None:
    experiment_id = workspace.experiments.create("old").experiment_id
    run_id = finished_run(workspace, experiment_id)
    workspace.experiments.delete(experiment_id)
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    workspace.experiments.restore(experiment_id)
    clock.sleep(2 * DAY_S)
    assert run_gc(workspace).spared == {experiment_id: "it was restored"}
    assert found(workspace) == {run_id}


def test_a_protected_run_keeps_its_deleted_experiment(
    workspace: Workspace, clock: FixedClock
) -> None:
    experiment_id = workspace.experiments.create("old").experiment_id
    finished_run(workspace, experiment_id, **{TAG_PROTECTED: "true"})
    workspace.experiments.delete(experiment_id)
    clock.sleep(31 * DAY_S)
    assert workspace.collector().plan().is_nothing


def test_an_experiment_that_never_got_its_name_is_collected(
    workspace: Workspace, store: ObjectStore, clock: FixedClock, tmp_path: Path
) -> None:
    experiment = workspace.experiments.create("lost")
    for entry in store.list(layout.experiment_name_journal("lost")):
        store.delete(entry.key)  # as if its maker had died before it claimed the name
    later = opened(store, clock, tmp_path)
    run_gc(later)
    clock.sleep(2 * DAY_S)
    assert run_gc(later).experiments == [experiment.experiment_id]
    assert store.list(layout.experiment_journal(experiment.experiment_id)) == []


def test_what_the_newest_manifest_does_not_name_is_collected(
    workspace: Workspace, store: ObjectStore, clock: FixedClock
) -> None:
    runs = {finished_run(workspace)}
    assert found(workspace) == runs
    for _ in range(3):
        runs.add(finished_run(workspace))
        ExperimentIndex(store, "0", clock).fold()
    clock.sleep(3600)
    plan = workspace.collector().plan()
    assert any("/manifest/" in key for key in plan.keys)
    assert any("/shard/" in key for key in plan.keys)
    assert any("/inbox/" in key for key in plan.keys)

    run_gc(workspace)
    clock.sleep(2 * DAY_S)
    assert set(run_gc(workspace).keys) == set(plan.keys)

    assert found(workspace) == runs
    workspace.index.close()
    assert workspace.collector().plan().is_nothing


def test_planning_changes_nothing(
    workspace: Workspace, store: ObjectStore, clock: FixedClock
) -> None:
    workspace.runs.delete(finished_run(workspace))
    found(workspace)
    clock.sleep(31 * DAY_S)
    before = store.list("")
    plan = workspace.collector().plan()
    assert plan.runs
    assert workspace.collector().size(plan) > len("hello")
    assert store.list("") == before


def test_what_is_noted_is_not_noted_twice(workspace: Workspace, clock: FixedClock) -> None:
    workspace.runs.delete(finished_run(workspace))
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    run_gc(workspace)
    assert len(workspace.collector().marks()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.LOST_CALL, Fault.LOST_ANSWER])
def test_a_crash_at_any_step_is_mended_by_the_next_call(fault: Fault, tmp_path: Path) -> None:
    for step in count(1):
        inner = MemoryStore(f"memory://collect-crash-{next(_names)}")
        clock = FixedClock()
        workspace = opened(inner, clock, tmp_path / str(step))
        kept, dead = finished_run(workspace), finished_run(workspace)
        experiment_id = workspace.experiments.create("old").experiment_id
        finished_run(workspace, experiment_id)
        workspace.runs.delete(dead)
        workspace.experiments.delete(experiment_id)
        clock.sleep(31 * DAY_S)
        run_gc(workspace)
        clock.sleep(2 * DAY_S)

        store = FaultyStore(inner, plan=Plan(at={step: fault}))
        crashing = opened(store, clock, tmp_path / str(step))
        with suppress(StorageFailed):
            run_gc(crashing)
        assert found(workspace) >= {kept}
        was_hit = bool(store.fired)

        clock.sleep(2 * DAY_S)
        later = opened(inner, clock, tmp_path / str(step))
        run_gc(later)
        clock.sleep(2 * DAY_S)  # what a reader wrote of a half-removed run, if one did
        run_gc(later)

        assert found(later) == {kept}, step
        left = {entry.key.split("/")[1] for entry in inner.list(layout.RUNS)}
        assert left == {kept}, step
        assert [e.experiment_id for e in later.experiments.list(ViewType.ALL)] == ["0"], step
        assert noted_runs(later) == [], step
        if not was_hit and store.calls < step:
            break


def test_a_half_removed_run_is_finished_even_where_a_reader_took_it_for_a_vanished_one(
    workspace: Workspace, store: ObjectStore, clock: FixedClock
) -> None:
    dead = finished_run(workspace)
    workspace.runs.delete(dead)
    clock.sleep(31 * DAY_S)
    run_gc(workspace)
    assert Verdicts(store, RunReader(store), dead, clock).condemn(clock.stamp())
    for key in keys_of(store, dead):
        if not key.endswith("start.json") and not key.startswith(layout.run_verdicts(dead)):
            store.delete(key)
    clock.sleep(2 * DAY_S)
    workspace.runs.get(dead)  # ends it as KILLED
    assert run_gc(workspace).runs == [dead]
    assert keys_of(store, dead) == []
    assert found(workspace) == set()


def test_temporary_files_of_dead_processes_are_found_once_they_are_a_day_old(
    tmp_path: Path,
) -> None:
    store = LocalStore(tmp_path / "store")
    store.create("runs/a/artifacts/kept", b"1")
    left = store.path("runs/a/artifacts/kept").with_name(f"{TEMPORARY}0123")
    left.write_bytes(b"half")
    now = FixedClock(int(left.stat().st_mtime * 1000))
    assert leftovers(store, now) == []
    now.sleep(DAY_S + 1)
    assert leftovers(store, now) == [left]
