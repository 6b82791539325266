"""What lies in a simulated store, whoever asks, with all that was done to it; and how a process dies."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from scheduler import Killed, Scheduler
from trouble import Trouble

from stageline.storage.memory import MemoryStore
from stageline.storage.port import Entry


class Change(NamedTuple):
    """A put or a deletion that happened, and what was there before."""

    at_ns: int
    key: str
    before: Entry | None


class Late(NamedTuple):
    """A put on its way, whose sender has given up."""

    at_ns: int
    line: str
    apply: Callable[[], object]


class Disk:
    """What lies in the store, whoever asks: one for each history."""

    def __init__(self, scheduler: Scheduler, trouble: Trouble) -> None:
        self.scheduler = scheduler
        self.trouble = trouble
        self.trace: list[str] = []
        self.recent: deque[Change] = deque(maxlen=4)
        self.late: list[Late] = []
        self.throttled = 0
        self.parts_left_behind = 0
        self.ever: set[str] = set()
        self.watchers: list[Callable[[str, bytes, bool], None]] = []
        """Called with key and content of each object that was put, and whether there was one before."""
        self.removal_watchers: list[Callable[[str, str], None]] = []
        """Called with the key of each object that is removed, and the name of the process that does."""
        self.objects = MemoryStore("memory://simulated", clock=self)
        self.objects.clear()

    # The store's own clock is right, and the one that nobody else has.
    def now_ms(self) -> int:
        return self.scheduler.now_ns // 1_000_000

    def stamp(self) -> int:
        return self.scheduler.now_ns

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a store does not sleep")

    def entry(self, key: str) -> Entry | None:
        folder = key.rpartition("/")[0]
        listed = self.objects.list(f"{folder}/" if folder else "", deep=False)
        return next((entry for entry in listed if entry.key == key), None)

    def put(self, key: str, data: bytes, *, only_new: bool) -> bool:
        before = self.entry(key)
        if before is not None and only_new:
            return False
        self.objects.replace(key, data)
        self.ever.add(key)
        self.recent.append(Change(self.scheduler.now_ns, key, before))
        for watch in self.watchers:
            watch(key, data, before is not None)
        return True

    def remove(self, key: str) -> None:
        before = self.entry(key)
        self.objects.delete(key)
        if before is not None:
            self.recent.append(Change(self.scheduler.now_ns, key, before))
            for watch in self.removal_watchers:
                watch(key, self.scheduler.process.name)

    def note(self, line: str) -> None:
        self.trace.append(f"{self.scheduler.now_ns} {line}")


def die(scheduler: Scheduler) -> None:
    """Kill -9 of the process whose turn it is; the kernel lets go of its files, and of the locks on them."""
    process = scheduler.process
    process.is_alive = False
    for descriptor in process.descriptors:
        with suppress(OSError):
            os.close(descriptor)
    process.descriptors.clear()
    scheduler.park()
    raise Killed


def full_disk() -> OSError:
    """What the kernel says."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
