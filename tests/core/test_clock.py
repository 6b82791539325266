"""Stamps put one process's edits in order, whoever of its threads makes them and whatever the machine's clock does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from stageline.clock import SystemClock


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_stamps_increase_though_the_clock_stands_or_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SystemClock()
    times = iter([1000, 1000, 5, 2000, 1999])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    assert [clock.stamp() for _ in range(5)] == [1000, 1001, 1002, 2000, 2001]


@pytest.mark.usefixtures("eager_threads")
def test_threads_never_get_the_same_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    monkeypatch.setattr(time, "time_ns", lambda: 1000)
    taken: list[list[int]] = [[] for _ in range(8)]

    def take(mine: list[int]) -> None:
        mine.extend(clock.stamp() for _ in range(2000))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({stamp for mine in taken for stamp in mine}) == 16_000
    assert all(mine == sorted(mine) for mine in taken)


def test_time_is_the_machines() -> None:
    before = time.time_ns()
    clock = SystemClock()
    assert before <= clock.stamp() <= time.time_ns()
    assert before // 1_000_000 <= clock.now_ms() <= time.time_ns() // 1_000_000


def test_sleep_takes_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    SystemClock().sleep(0.25)
    assert slept == [0.25]


@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # it is multi-threaded; so are users'
def test_child_of_a_fork_can_take_a_stamp_while_the_parent_was_taking_one() -> None:
    clock = SystemClock()
    with clock._lock:  # as another thread of the parent may hold it
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # rather than wait for ever
            clock.stamp()
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
