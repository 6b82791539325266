"""What a collector removes does not rest on a listing: each of these was once removed, or left, by one that lied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lying import NOW, LyingStore

from stageline import Workspace
from stageline.domain.run import ViewType
from stageline.errors import NotFound, StorageFailed
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.port import Entry
from stageline.testing.clock import FixedClock
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.tracking.collect import Collected
from stageline.tracking.reading import RunReader
from stageline.tracking.verdicts import Verdicts


@pytest.fixture
def store(tmp_path: Path) -> LyingStore:
    return LyingStore(f"collector-{tmp_path.name}")


@pytest.fixture
def workspace(store: LyingStore, tmp_path: Path) -> Iterator[Workspace]:
    opened = workspace_at(store, tmp_path)
    yield opened
    opened.index.close()


def workspace_at(store: object, folder: Path, now_ms: int = NOW) -> Workspace:
    settings = Settings(cache=str(folder / "cache"), stale_after_s=300)
    return Workspace(store, settings, FixedClock(now_ms))  # type: ignore[arg-type]


def finished_run(workspace: Workspace, run_id: str | None = None) -> str:
    with workspace.runs.create(run_id=run_id) as run:
        run.log_metric("loss", 0.5)
    return run.run_id


def note(workspace: Workspace) -> None:
    collector = workspace.collector()
    collector.mark(collector.plan(0.0))


def collect(workspace: Workspace) -> Collected:
    collector = workspace.collector()
    return collector.collect(collector.due(0.0))


def log_keys(store: LyingStore, run_id: str) -> list[str]:
    return [entry.key for entry in store.inner.list(layout.run_log(run_id))]


def test_run_whose_restoring_no_listing_shows_is_not_collected(
    store: LyingStore, workspace: Workspace
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    note(workspace)
    before = set(log_keys(store, run_id))
    workspace.runs.restore(run_id)
    hidden = set(log_keys(store, run_id)) - before
    store.hides = lambda key: key in hidden
    assert collect(workspace).spared == {run_id: "it was restored"}
    store.hides = lambda key: False
    assert workspace.runs.get(run_id).data.metrics == {"loss": 0.5}


def test_run_whose_deletion_no_listing_shows_is_not_taken_for_a_half_removed_one(
    store: LyingStore, workspace: Workspace
) -> None:
    run_id = finished_run(workspace)
    before = set(log_keys(store, run_id))
    workspace.runs.delete(run_id)
    note(workspace)
    store.hides = lambda key: key.startswith(layout.run_log(run_id)) and key not in before
    assert run_id in collect(workspace).spared
    store.hides = lambda key: False
    workspace.runs.restore(run_id)
    assert workspace.runs.get(run_id).data.metrics == {"loss": 0.5}


def test_run_that_no_listing_shows_at_all_is_not_collected(
    store: LyingStore, workspace: Workspace
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    note(workspace)
    workspace.runs.restore(run_id)
    store.hides = lambda key: key.startswith(layout.run_folder(run_id))
    assert run_id in collect(workspace).spared


def test_run_deleted_again_after_it_was_restored_is_collected(workspace: Workspace) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    workspace.runs.restore(run_id)
    workspace.runs.delete(run_id)
    note(workspace)
    assert collect(workspace).runs == [run_id]


def test_restore_of_a_condemned_run_is_refused_and_writes_nothing(
    store: LyingStore, workspace: Workspace
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    verdicts = Verdicts(store, RunReader(store), run_id, workspace.clock)
    assert verdicts.condemn(workspace.clock.stamp())
    before = store.inner.list("")
    with pytest.raises(NotFound, match="was collected before"):
        workspace.runs.restore(run_id)
    assert store.inner.list("") == before


def test_restore_that_loses_against_the_collector_takes_back_what_it_wrote(
    store: LyingStore, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    before = {entry.key for entry in store.inner.list("")}
    verdicts = Verdicts(store, RunReader(store), run_id, workspace.clock)
    monkeypatch.setattr(Verdicts, "is_condemned", lambda self: not verdicts.condemn(NOW * 10**7))
    with pytest.raises(NotFound, match="was collected before"):
        workspace.runs.restore(run_id)
    left = {entry.key for entry in store.inner.list("")} - before
    assert [key for key in left if not key.startswith(layout.run_verdicts(run_id))] == []


def test_restore_counts_though_the_clock_of_its_host_is_behind(
    store: LyingStore, workspace: Workspace, tmp_path: Path
) -> None:
    run_id = finished_run(workspace)
    workspace_at(store, tmp_path / "ahead", NOW + 3_600_000).runs.delete(run_id)
    note(workspace_at(store, tmp_path / "later", NOW + 7_200_000))
    workspace.runs.restore(run_id)
    assert collect(workspace_at(store, tmp_path / "last", NOW + 7_300_000)).runs == []
    assert [run.info.run_id for run in workspace.search_runs(["0"])] == [run_id]


def test_run_whose_id_was_claimed_anew_after_a_crash_is_not_taken_for_a_half_removed_one(
    store: LyingStore, workspace: Workspace, tmp_path: Path
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    note(workspace)
    mark = workspace.collector().marks()[0]
    assert collect(workspace).runs == [run_id]
    # Its collector died before it had removed the note; the task ran again, and has the same id.
    workspace.collector().mark(mark.garbage)
    finished_run(workspace_at(store, tmp_path / "again"), run_id)
    assert run_id in collect(workspace).spared
    assert workspace.runs.get(run_id).data.metrics == {"loss": 0.5}


def test_search_passes_over_a_run_that_is_gone_though_the_index_shows_it_running(
    store: LyingStore, tmp_path: Path
) -> None:
    workspace = workspace_at(store, tmp_path)
    kept, gone = finished_run(workspace), workspace.runs.create()
    gone.flush()
    later = workspace_at(store, tmp_path / "later", NOW + 3_600_000)
    for key in [entry.key for entry in store.inner.list(layout.run_folder(gone.run_id))]:
        store.inner.delete(key)
    found = later.search_runs(["0"], view=ViewType.ALL)
    assert [run.info.run_id for run in found] == [kept]
    gone.leave()


def test_what_writers_told_the_index_goes_though_no_listing_shows_it(
    store: LyingStore, workspace: Workspace, tmp_path: Path
) -> None:
    kept, gone = finished_run(workspace), finished_run(workspace)
    workspace.runs.delete(gone)
    note(workspace)
    store.hides = lambda key: key.startswith(layout.index_inbox("0") + gone)
    assert collect(workspace).runs == [gone]
    store.hides = lambda key: False
    found = workspace_at(store, tmp_path / "other").search_runs(["0"], view=ViewType.ALL)
    assert [run.info.run_id for run in found] == [kept]


def test_listing_that_lags_is_not_taken_for_somebody_who_writes_on(
    store: LyingStore, workspace: Workspace
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    note(workspace)
    seen: dict[str, Entry] = {}

    def with_the_removed(prefix: str, found: list[Entry]) -> list[Entry]:
        seen.update((one.key, one) for one in found)
        return sorted(one for one in seen.values() if one.key.startswith(prefix))

    store.shows = with_the_removed
    assert collect(workspace).runs == [run_id]
    assert store.inner.list(layout.run_folder(run_id)) == []


def test_claim_of_an_id_is_not_removed_before_what_a_listing_lacked(
    store: LyingStore, workspace: Workspace
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    note(workspace)
    folder, start = layout.run_folder(run_id), layout.run_start(run_id)
    unclaimed: list[str] = []

    def cut_short(prefix: str, found: list[Entry]) -> list[Entry]:
        if prefix != folder:
            return found
        if start not in {one.key for one in found}:
            unclaimed.extend(one.key for one in found)
        return found[: max(1, len(found) // 2)]

    store.shows = cut_short
    assert collect(workspace).runs == [run_id]
    assert [key for key in unclaimed if not key.startswith(layout.run_verdicts(run_id))] == []
    assert store.inner.list(folder) == []


def test_experiment_whose_restoring_no_listing_shows_is_not_collected(
    store: LyingStore, workspace: Workspace, tmp_path: Path
) -> None:
    experiment_id = workspace.experiments.create("wine").experiment_id
    workspace.experiments.delete(experiment_id)
    note(workspace)
    workspace.experiments.restore(experiment_id)
    newest = store.inner.list(layout.experiment_journal(experiment_id))[0].key
    store.hides = lambda key: key == newest
    other = workspace_at(store, tmp_path / "other")
    assert collect(other).spared == {experiment_id: "it was restored"}


def test_experiment_is_removed_whole_though_the_listing_is_cut_short(
    store: LyingStore, workspace: Workspace, tmp_path: Path
) -> None:
    experiment_id = workspace.experiments.create("wine").experiment_id
    workspace.experiments.delete(experiment_id)
    note(workspace)
    journal = layout.experiment_journal(experiment_id)
    store.shows = lambda prefix, found: found[:1] if prefix == journal else found
    assert collect(workspace).experiments == [experiment_id]
    assert store.inner.list(journal) == []
    store.shows = lambda prefix, found: found
    left = workspace_at(store, tmp_path / "other").experiments.list(ViewType.ALL)
    assert [experiment.name for experiment in left] == ["Default"]


def test_experiment_that_was_collected_before_it_got_its_name_is_put_back(
    store: LyingStore, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = type(workspace.experiments)._claim

    def stand_still(self: object, name: str, experiment_id: str) -> None:
        other = workspace_at(store, tmp_path / "other")
        note(other)
        assert collect(other).experiments == [experiment_id]
        claim(self, name, experiment_id)  # type: ignore[arg-type]

    monkeypatch.setattr(type(workspace.experiments), "_claim", stand_still)
    made = workspace.experiments.create("wine")
    monkeypatch.undo()
    after = workspace_at(store, tmp_path / "after")
    assert after.experiments.get_by_name("wine").experiment_id == made.experiment_id


def test_restore_whose_answer_was_lost_is_told_as_unknown_and_can_be_asked_again(
    store: LyingStore, workspace: Workspace, tmp_path: Path
) -> None:
    run_id = finished_run(workspace)
    workspace.runs.delete(run_id)
    faulty = FaultyStore(store.inner, plan=Plan(chances={Fault.LOST_CALL: 0.2}), seed=4)
    unsure = workspace_at(faulty, tmp_path / "unsure")
    told = []
    for _ in range(50):
        try:
            unsure.runs.restore(run_id)
        except StorageFailed:
            told.append("unknown")
            continue
        break
    assert told
    assert set(told) == {"unknown"}
    assert workspace.runs.get(run_id).info.lifecycle_stage.value == "active"
