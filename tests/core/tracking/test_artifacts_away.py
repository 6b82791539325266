"""A file that the store does not take is kept on this machine, and arrives later, once and whole."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from stageline.domain.artifact import StoredFile, keep_file
from stageline.errors import InvalidInput, NotFound, StorageFailed, Unauthorized
from stageline.storage import layout
from stageline.storage.memory import MemoryStore
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.tracking import kept_files
from stageline.tracking.artifacts import RunArtifacts, ship_spooled

RUN = "run1"
ROOT = layout.run_artifacts(RUN)


class Switched(CountingStore):
    """Answers, or fails with `trouble`."""

    trouble: Exception | None = None

    def _note(self, verb, key):
        super()._note(verb, key)
        if self.trouble is not None:
            raise self.trouble


class Run:
    """A run's files, its manifest, and its spool."""

    def __init__(self, spool: Path) -> None:
        self.store = Switched(MemoryStore(f"memory://{uuid.uuid4().hex}"))
        self.spool = spool
        self.manifest: dict[str, StoredFile] = {}
        self.stamp = 0

    def note(self, files: Mapping[str, tuple[str, int] | None]) -> None:
        self.stamp += 1
        for path, digest in files.items():
            keep_file(self.manifest, path, StoredFile(self.stamp, *(digest or (None, 0))))

    @property
    def files(self) -> RunArtifacts:
        """Opened anew for each use, as a workspace does."""
        return RunArtifacts(
            self.store, RUN, note=self.note, known=lambda: self.manifest, spool=self.spool
        )

    def go_away(self) -> None:
        self.store.trouble = StorageFailed("no route to the store")

    def come_back(self) -> None:
        self.store.trouble = None

    def ship(self) -> list[str]:
        return ship_spooled(self.store, RUN, self.spool, self.note)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "spool" / "run1")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    for n in range(12):
        (folder / "data" / f"{n}").write_bytes(os.urandom(100))
    (folder / "large").write_bytes(os.urandom(3 << 20))
    return folder


@pytest.mark.parametrize("trouble", [StorageFailed("away"), Unauthorized("expired")])
def test_files_wait_and_arrive(run: Run, model: Path, trouble: Exception) -> None:
    run.store.trouble = trouble
    run.files.log_folder(model, "m")
    run.files.log_text("x", "t.txt")
    assert run.manifest == {}
    run.come_back()
    assert len(run.ship()) == 14
    assert not run.spool.exists()
    assert len(run.manifest) == 14
    back = run.files.download()
    assert (back / "m" / "large").read_bytes() == (model / "large").read_bytes()
    assert run.ship() == []


def test_waiting_is_said_once(run: Run, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    run.go_away()
    with caplog.at_level(logging.WARNING):
        run.files.log_folder(model)
        run.files.log_text("x", "t")
    assert len(caplog.records) == 1
    assert "stageline sync" in caplog.text
    assert str(run.spool) in caplog.text


def test_store_that_is_away_is_not_asked_for_every_file(run: Run, model: Path) -> None:
    run.go_away()
    run.files.log_text("x", "first")
    with run.store.counted() as counts:
        run.files.log_folder(model)
        run.files.log_text("x", "t")
    assert counts.by_verb() == {}


def test_store_is_asked_again_after_a_while(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.go_away()
    run.files.log_text("x", "first")
    run.come_back()
    run.files.log_text("x", "second")
    assert "second" not in run.manifest
    now = kept_files.time.monotonic()
    monkeypatch.setattr(kept_files.time, "monotonic", lambda: now + kept_files.PAUSE_S)
    run.files.log_text("x", "third")
    assert "third" in run.manifest


def test_shipping_ends_the_pause(run: Run) -> None:
    run.go_away()
    run.files.log_text("x", "first")
    run.come_back()
    assert run.files.ship() == ["first"]
    run.files.log_text("x", "second")
    assert set(run.manifest) == {"first", "second"}


def test_kept_file_can_be_read_by_its_run(run: Run) -> None:
    run.files.log_text("stored", "stored")
    run.go_away()
    run.files.log_text("kept", "t")
    assert run.files.read("t") == b"kept"
    assert run.files.find("t") == b"kept"
    assert run.files.find("unheard of") is None
    with pytest.raises(StorageFailed):
        run.files.find("stored")


def test_without_a_spool_the_failure_is_raised(run: Run) -> None:
    files = RunArtifacts(run.store, RUN, note=run.note, known=lambda: run.manifest)
    run.go_away()
    with pytest.raises(StorageFailed):
        files.log_text("x", "t")
    assert files.ship() == []


def test_wrong_argument_is_not_kept(run: Run, tmp_path: Path) -> None:
    run.go_away()
    with pytest.raises(NotFound):
        run.files.log_file(tmp_path / "none")
    with pytest.raises(InvalidInput):
        run.files.log_text("x", "../x")
    assert not run.spool.exists()


def test_newer_content_wins_over_one_that_waits(run: Run) -> None:
    run.go_away()
    run.files.log_text("old", "t")
    run.files.log_text("newer", "t")
    run.come_back()
    kept_files._away_until.pop(run.spool)
    run.files.log_text("newest", "t")
    assert run.ship() == []
    assert run.files.read("t") == b"newest"


def test_replaced_file_that_waits_is_not_checked_against_the_old_digest(run: Run) -> None:
    run.files.log_text("old", "t")
    run.go_away()
    run.files.log_text("new", "t")
    run.come_back()
    reader = RunArtifacts(run.store, RUN, note=run.note, known=lambda: run.manifest)
    assert reader.read("t") == b"old"
    run.ship()
    assert reader.read("t") == b"new"


def test_deleted_file_does_not_come_back(run: Run) -> None:
    run.files.log_text("stored", "t")
    run.go_away()
    run.files.log_text("waiting", "t")
    run.come_back()
    run.files.delete("t")
    assert run.ship() == []
    assert run.files.list() == []


def test_shipping_stops_while_the_store_is_away(run: Run, model: Path) -> None:
    run.go_away()
    run.files.log_folder(model)
    with pytest.raises(StorageFailed):
        run.ship()
    assert len([path for path in run.spool.rglob("*") if path.is_file()]) == 13


@pytest.mark.parametrize("step", ["put", "answer", "note", "unlink"])
def test_shipping_may_die_after_any_step(
    run: Run, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*_: object) -> None:
        raise Died

    run.go_away()
    run.files.log_text("a", "d/a")
    run.files.log_text("b", "d/b")
    run.come_back()
    with monkeypatch.context() as patch:
        store = run.store
        if step == "put":
            patch.setattr(store.inner, "replace", die)
        if step == "answer":
            store = FaultyStore(run.store, plan=Plan(at={1: Fault.LOST_ANSWER}))  # type: ignore[assignment]
        if step == "unlink":
            patch.setattr(kept_files, "_drop_if", die)
        with pytest.raises((Died, StorageFailed)):
            ship_spooled(store, RUN, run.spool, die if step == "note" else run.note)
    run.ship()
    assert run.files.read("d/a") == b"a"
    assert run.files.read("d/b") == b"b"
    assert set(run.manifest) == {"d/a", "d/b"}
    assert not run.spool.exists()


def test_file_that_is_kept_while_its_elder_is_shipped_is_not_lost(run: Run) -> None:
    run.go_away()
    run.files.log_text("old", "t")
    run.come_back()

    def note(files: Mapping[str, tuple[str, int] | None]) -> None:
        kept_files.open_spool(run.spool).replace("t", b"new")  # by the run, whose store is away
        run.note(files)

    assert ship_spooled(run.store, RUN, run.spool, note) == ["t"]
    assert run.store.read(f"{ROOT}t") == b"old"
    assert run.ship() == ["t"]
    assert run.files.read("t") == b"new"
    assert not run.spool.exists()


def test_two_who_ship_the_same_spool_do_no_harm(run: Run, model: Path) -> None:
    run.go_away()
    run.files.log_folder(model)
    run.come_back()
    failures: list[BaseException] = []

    def ship() -> None:
        try:
            run.ship()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ship) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len([path for path in run.files.download().rglob("*") if path.is_file()]) == 13
    assert not run.spool.exists()


def test_what_a_process_left_behind_while_keeping_is_not_shipped(run: Run) -> None:
    run.spool.mkdir(parents=True)
    (run.spool / ".tmp-torn").write_bytes(b"half of a fi")
    assert run.ship() == []
    assert run.store.list("") == []
