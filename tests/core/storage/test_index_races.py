"""Folding lost nothing: whoever raced, and wherever somebody died."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indexed_runs import EXPERIMENT, a_run, beat, finish, fresh_store, read_whole

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.domain.summary import RunSummary
from stageline.errors import StagelineError, StorageFailed
from stageline.storage.index import GRACE_S, ExperimentIndex
from stageline.storage.index_changes import IndexLost
from stageline.storage.memory import MemoryStore
from stageline.storage.open import open_store
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.faulty import Fault, FaultyStore, Plan

MANY = 16


def filled(store: ObjectStore, runs: int, clock: Clock = SYSTEM_CLOCK) -> dict[str, RunSummary]:
    """An index of some runs, some more in its inbox, and some that were there and were folded."""
    index = ExperimentIndex(store, EXPERIMENT, clock)
    index.rebuild(lambda: [a_run(number) for number in range(5)])
    for number in range(3, 8):
        beat(store, a_run(number), writer="w2")
        finish(store, a_run(number, stamp=2), writer="w2")
    index.fold()
    for number in range(6, runs):
        finish(store, a_run(number, stamp=3), writer="w3")
    return read_whole(store)


def spawned(tmp_path: Path, *arguments: str) -> list[str]:
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                "-W",
                "error",
                str(Path(__file__).with_name("index_race.py")),
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for _ in range(MANY)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
        racer.stdin = None
    said = []
    for racer in racers:
        output, _ = racer.communicate(timeout=120)
        assert racer.returncode == 0
        said.append(output.strip())
    return said


def test_sixteen_threads_fold_one_inbox() -> None:
    store = fresh_store("fold-race")
    clock = FixedClock()
    before = filled(store, 60, clock)
    start = threading.Barrier(MANY)

    def fold() -> None:
        start.wait()
        for _ in range(4):
            ExperimentIndex(store, EXPERIMENT, clock).fold()
            clock.sleep(GRACE_S / 3)

    threads = [threading.Thread(target=fold) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.sleep(GRACE_S)
    ExperimentIndex(store, EXPERIMENT, clock).fold()
    assert read_whole(store) == before
    assert store.list(f"index/{EXPERIMENT}/inbox/") == []


def test_sixteen_processes_fold_one_inbox(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    before = filled(store, 60)
    spawned(tmp_path, "fold", str(tmp_path / "store"))
    assert read_whole(store) == before


def test_sixteen_processes_refresh_one_projection(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    runs = filled(store, 300)
    said = spawned(tmp_path, "refresh", str(tmp_path / "store"), str(tmp_path / "cache" / "x"))
    starts = sum(run.started[0] for run in runs.values() if run.started)
    assert said == [f"{len(runs)} {starts}"] * MANY


class Dying:
    """Dies at the n-th request and at all that follow: before it, or after it took effect."""

    def __init__(self, inner: MemoryStore, requests: int, *, after: bool) -> None:
        self._inner = inner
        self._left = requests
        self._after = after
        self._lock = threading.Lock()
        self.url = inner.url

    def __getattr__(self, verb: str) -> object:
        def call(*args: object, **options: object) -> object:
            with self._lock:
                self._left -= 1
                left = self._left
            if left < 0 or (left == 0 and not self._after):
                raise KeyboardInterrupt
            result = getattr(self._inner, verb)(*args, **options)
            if left == 0:
                raise KeyboardInterrupt
            return result

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_folder_that_dies_between_any_two_requests_changes_no_answer(after: bool) -> None:
    clock = FixedClock()
    survived = False
    for requests in range(1, 60):
        store = fresh_store("dying-folder")
        before = filled(store, 14, clock)
        clock.sleep(2 * GRACE_S)  # what was folded may be swept in this fold
        dying = Dying(store, requests, after=after)
        try:
            ExperimentIndex(dying, EXPERIMENT, clock, grace_s=0).fold()  # type: ignore[arg-type]
            survived = True
        except KeyboardInterrupt:
            pass
        assert read_whole(store) == before
        clock.sleep(GRACE_S)
        finish(store, a_run(20))
        before = read_whole(store)
        for _ in range(2):
            ExperimentIndex(store, EXPERIMENT, clock).fold()
            assert read_whole(store) == before
            clock.sleep(GRACE_S)
        assert store.list(f"index/{EXPERIMENT}/inbox/") == []
        if survived:
            break
    assert survived
    assert requests > 15


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_store_that_fails_and_lists_stalely_loses_nothing(seed: int) -> None:
    inner = fresh_store("faulty-index")
    clock = FixedClock()
    chances = {
        Fault.LOST_ANSWER: 0.05,
        Fault.LOST_CALL: 0.05,
        Fault.REPEATED: 0.1,
        Fault.STALE_LIST: 0.15,
    }
    faulty = FaultyStore(inner, seed, Plan(chances=chances, hidden=3))
    ExperimentIndex(inner, EXPERIMENT, clock).rebuild(lambda: [a_run(0)])
    expected = [a_run(0)]
    for number in range(1, 25):
        summary = a_run(number % 9, stamp=number)
        try:
            finish(faulty, summary, writer=f"w{number}")
        except StorageFailed:
            finish(inner, summary, writer=f"w{number}")  # what a writer's next try does
        expected.append(summary)
        if number % 3 == 0:
            with contextlib.suppress(StagelineError, IndexLost):
                ExperimentIndex(faulty, EXPERIMENT, clock).fold()
            clock.sleep(GRACE_S / 2)
    faulty.heal()
    found = read_whole(inner)
    assert {run_id: run.status for run_id, run in found.items()} == {
        f"run{n:05d}": a_run(
            n, stamp=max(s for s in range(25) if s % 9 == n and (s or n == 0))
        ).status
        if n
        else a_run(0, stamp=18).status
        for n in range(9)
    }
