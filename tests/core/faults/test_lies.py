"""Listings that lack something, clocks that are wrong, writes that were cut short: what each of them once broke."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lying import NOW, LyingStore
from records import wal_head

from stageline import MetricPoint, Workspace
from stageline.domain.run import RunStatus, ViewType
from stageline.errors import NotFound
from stageline.settings import Settings
from stageline.storage import layout, wal
from stageline.storage.frames import scan_frames
from stageline.storage.wal import create_wal
from stageline.testing.clock import FixedClock
from stageline.tracking.stream import LogStream


@pytest.fixture
def store(tmp_path: Path) -> LyingStore:
    return LyingStore(tmp_path.name)


def opened(store: LyingStore, folder: Path, now_ms: int = NOW, **given: object) -> Workspace:
    settings = Settings(cache=str(folder / "cache"), stale_after_s=300, **given)  # type: ignore[arg-type]
    return Workspace(store, settings, FixedClock(now_ms))


def test_batch_that_the_disk_took_in_two_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = [30]
    monkeypatch.setattr(
        wal, "os", _Os(lambda fd, data: os.write(fd, data[: cuts.pop()] if cuts else data))
    )
    cuts.clear()
    log = create_wal(tmp_path / "a.wal", wal_head())
    cuts.append(30)  # within the second of three records
    log.append(b"a" * 12, b"b" * 12, b"c" * 12)
    log.close()
    found = scan_frames((tmp_path / "a.wal").read_bytes())
    assert found.payloads[1:] == [b"a" * 12, b"b" * 12, b"c" * 12]


class _Os:
    def __init__(self, write: Callable[[int, bytes], int]) -> None:
        self.write = write

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


def test_last_word_of_a_process_stands_though_its_clock_is_an_hour_behind(
    store: LyingStore, tmp_path: Path
) -> None:
    behind = opened(store, tmp_path / "behind", NOW - 3_600_000, flush_s=1000, heartbeat_s=1000)
    run = behind.runs.create()
    run.flush()
    onlooker = opened(store, tmp_path / "onlooker", NOW + 600_000)
    assert onlooker.runs.get(run.run_id).info.status is RunStatus.KILLED
    run.end()
    assert onlooker.runs.get(run.run_id).info.status is RunStatus.FINISHED


def test_change_of_a_run_whose_beginning_was_not_listed_goes_to_its_own_experiment(
    store: LyingStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path)
    with workspace.runs.create(experiment_name="wine") as run:
        run.flush()
    experiment_id = workspace.runs.get(run.run_id).info.experiment_id
    store.hides = lambda key: key.endswith(("start.json", ".end.json"))
    opened(store, tmp_path / "other").runs.set_tags(run.run_id, {"team": "blue"})
    assert not store.inner.list(layout.index_inbox("0"))
    assert len(store.inner.list(layout.index_inbox(experiment_id))) >= 2


def test_experiment_whose_name_no_listing_shows_is_not_collected(
    store: LyingStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path)
    kept = workspace.experiments.create("wine")
    nameless = workspace.experiments.create("beer")
    store.hides = lambda key: key.startswith(layout.EXPERIMENT_NAMES)
    for entry in store.inner.list(layout.experiment_name_journal("beer")):
        store.inner.delete(entry.key)
    collector = opened(store, tmp_path / "other").collector()
    collector.mark(collector.plan(0.0))
    assert collector.collect(collector.due(0.0)).experiments == [nameless.experiment_id]
    store.hides = lambda key: False
    after = opened(store, tmp_path / "after").experiments.list(ViewType.ALL)
    assert kept.experiment_id in [experiment.experiment_id for experiment in after]


def test_experiment_collected_between_listing_and_reading_is_not_listed(
    store: LyingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = opened(store, tmp_path).experiments.create("wine").experiment_id
    listed = store.inner.list("")
    for entry in store.inner.list(layout.experiment_journal(gone)):
        store.inner.delete(entry.key)
    monkeypatch.setattr(
        store,
        "list",
        lambda prefix, **_: [entry for entry in listed if entry.key.startswith(prefix)],
    )
    found = opened(store, tmp_path / "other").experiments.list(ViewType.ALL)
    assert [experiment.name for experiment in found] == ["Default"]


def test_restore_that_comes_after_the_collector_says_so(store: LyingStore, tmp_path: Path) -> None:
    workspace = opened(store, tmp_path)
    with workspace.runs.create() as run:
        run.log_points([MetricPoint("loss", 1.0, 0, 0)])
    workspace.runs.delete(run.run_id)
    found = workspace.runs.stored(run.run_id)
    for entry in store.inner.list(layout.run_folder(run.run_id)):
        store.inner.delete(entry.key)
    workspace.runs.stored = lambda run_id: found  # type: ignore[method-assign]  # read before it was collected
    with pytest.raises(NotFound, match="was collected before"):
        workspace.runs.restore(run.run_id)


def test_log_that_is_still_being_made_is_not_taken_for_a_dead_one(
    store: LyingStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path)
    assert workspace.spool is not None
    torn = workspace.spool / f".tmp-{'0' * 32}-{'1' * 16}.wal"
    create_wal(workspace.spool / torn.name.removeprefix(".tmp-"), wal_head(store=store.url)).close()
    (workspace.spool / torn.name.removeprefix(".tmp-")).rename(torn)
    assert workspace.sync() == []
    assert torn.exists()


def test_log_that_lost_its_first_record_does_not_keep_others_from_being_shipped(
    store: LyingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = opened(store, tmp_path, end_timeout_s=0.0, flush_s=1000)
    assert workspace.spool is not None
    create_wal(workspace.spool / "0.wal", wal_head(store=store.url, owns_end=False)).close()
    run = workspace.runs.create()
    run.log_metric("loss", 1.0)
    run._writer.close()  # as when its process dies
    (shipped,) = workspace.sync()
    assert shipped.run_id == run.run_id
    assert "has lost its first record" in caplog.text


def test_log_that_another_has_just_shipped_is_nobodys_failure(
    store: LyingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened(store, tmp_path, end_timeout_s=0.0, flush_s=1000)
    run = workspace.runs.create()
    run._writer.close()  # as when its process dies
    shipped = LogStream.resume_shipping

    def as_another_ships_it(stream: LogStream) -> None:
        shipped(stream)
        os.unlink(stream.path)

    monkeypatch.setattr(LogStream, "resume_shipping", as_another_ships_it)
    assert workspace.sync() == []


def test_log_whose_run_is_collected_meanwhile_does_not_keep_others_from_being_shipped(
    store: LyingStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path, end_timeout_s=0.0, flush_s=1000)
    collected, other = workspace.runs.create(), workspace.runs.create()
    collected.log_metric("loss", 2.0)
    collected.flush()
    for run in (collected, other):
        run.log_metric("loss", 1.0)
        run._writer.close()  # as when its process dies
    log = layout.run_log(collected.run_id)
    before = store.inner.list(log)
    assert any(entry.key.endswith(".seg") for entry in before)
    for entry in before:
        store.inner.delete(entry.key)
    store.shows = lambda prefix, found: before if prefix == log else found
    assert [one.run_id for one in workspace.sync()] == [other.run_id]
