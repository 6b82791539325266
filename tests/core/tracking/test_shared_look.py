"""Who asks at the same time shares a look at the store, and nobody is served by one that began before they asked."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest

from stageline.errors import StorageFailed
from stageline.tracking.shared_look import SharedLook


class Looks:
    """Looks that end when they are told to; each returns its number, from 0."""

    def __init__(self) -> None:
        self.ends: list[Event] = []
        self.fails: set[int] = set()
        self._lock = Lock()

    def __call__(self) -> int:
        with self._lock:
            number = len(self.ends)
            self.ends.append(Event())
        assert self.ends[number].wait(30)
        if number in self.fails:
            raise StorageFailed("the store is away")
        return number


class Turn:
    """A lock that tells how many have come for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.came = 0

    def __enter__(self) -> None:
        self.came += 1
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Askers:
    """Threads that ask, of which it is known that they wait."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.looks = Looks()
        self.shared = SharedLook(self.looks)
        self._turn: Any = Turn()
        self.shared._turn = self._turn
        self._pool = pool

    def ask(self) -> Future[int]:
        """Another one, which has come by now."""
        before = self._turn.came
        asked = self._pool.submit(self.shared)
        until(lambda: self._turn.came > before)
        return asked

    def end(self, number: int) -> None:
        """Let a look end that has begun or will."""
        until(lambda: len(self.looks.ends) > number)
        self.looks.ends[number].set()


def until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.001)


@pytest.fixture
def askers() -> Iterator[Askers]:
    with ThreadPoolExecutor(20) as pool:
        yield Askers(pool)


def test_one_who_asks_alone_looks_each_time(askers: Askers) -> None:
    for number in range(3):
        asked = askers.ask()
        askers.end(number)
        assert asked.result(30) == number


def test_those_who_come_during_a_look_share_the_next_one(askers: Askers) -> None:
    first = askers.ask()
    until(lambda: len(askers.looks.ends) == 1)
    others = [askers.ask() for _ in range(9)]
    askers.end(0)
    askers.end(1)
    assert first.result(30) == 0
    assert [one.result(30) for one in others] == [1] * 9
    assert len(askers.looks.ends) == 2


def test_nobody_is_served_by_a_look_that_began_before_they_asked(askers: Askers) -> None:
    askers.ask()
    until(lambda: len(askers.looks.ends) == 1)
    late = askers.ask()
    askers.end(0)
    until(lambda: len(askers.looks.ends) == 2)
    later = askers.ask()
    askers.end(1)
    askers.end(2)
    assert (late.result(30), later.result(30)) == (1, 2)


def test_after_a_failure_all_who_waited_look_side_by_side(askers: Askers) -> None:
    askers.looks.fails = {1}
    askers.ask()
    until(lambda: len(askers.looks.ends) == 1)
    others = [askers.ask() for _ in range(4)]
    askers.end(0)
    askers.end(1)
    until(lambda: len(askers.looks.ends) == 5)  # three that none of the others waits for
    for number in (2, 3, 4):
        askers.end(number)
    failures = [one for one in others if one.exception(30)]
    assert len(failures) == 1
    assert sorted(one.result() for one in others if one not in failures) == [2, 3, 4]


def test_a_forked_child_does_not_wait_for_its_parents_look(tmp_path: Path) -> None:
    may_end, has_begun = Event(), Event()

    def look() -> int:
        has_begun.set()
        assert may_end.wait(30)
        return 1

    shared = SharedLook(look)
    looking = Thread(target=shared)
    looking.start()
    assert has_begun.wait(30)
    answer = tmp_path / "answer"

    def ask() -> None:
        may_end.set()
        answer.write_text(str(shared()))

    child = multiprocessing.get_context("fork").Process(target=ask)
    child.start()
    child.join(30)
    may_end.set()
    looking.join(30)
    assert (child.exitcode, answer.read_text()) == (0, "1")
