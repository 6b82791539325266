"""What a simulated process has instead of its machine: clock, sleep, chance, the log's disk, locks, threads.

Each is put in place of a name in a module of the product for as long as a history lasts, and put back.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from disk import die, full_disk
from scheduler import CooperativeLock, Process, Scheduler
from store import URL
from trouble import Kind, Trouble

import stageline.domain.ids
import stageline.storage.parallel
import stageline.storage.probe
import stageline.storage.transfer
import stageline.storage.wal
import stageline.tracking.artifacts
import stageline.tracking.kept_files
import stageline.tracking.pulse
import stageline.workspace
from stageline.clock import SystemClock

TICK_S = 60.0
PART_BYTES = 4096


class ProcessClock:
    """The clock of one process; right but for what it jumped by."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def time_ns(self) -> int:
        scheduler = self._scheduler
        off = scheduler.process.clock_off_ns if scheduler.current else 0
        return scheduler.now_ns + off

    def now_ms(self) -> int:
        return self.time_ns() // 1_000_000

    def stamp(self) -> int:
        process = self._scheduler.process
        process.last_stamp = max(self.time_ns(), process.last_stamp + 1)
        return process.last_stamp

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep(seconds)


_REAL_PULSE = stageline.tracking.pulse.PULSE


class _Disk:
    """In place of the module `os` under the write-ahead log: a disk that can be full, slow to take all, or lost."""

    def __init__(self, scheduler: Scheduler, trouble: Trouble, clock: ProcessClock) -> None:
        self._scheduler = scheduler
        self._trouble = trouble
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        is_told = self._scheduler.current is not None and self._scheduler.is_ours
        if is_told:
            self._scheduler.check_alive()
        descriptor = os.open(path, flags, mode)
        if is_told:
            self._scheduler.process.descriptors[descriptor] = str(path)
        return descriptor

    def close(self, descriptor: int) -> None:
        if self._scheduler.current is not None and self._scheduler.is_ours:
            if descriptor not in self._scheduler.process.descriptors:
                return  # the kernel closed it when the process died
            del self._scheduler.process.descriptors[descriptor]
        os.close(descriptor)

    def write(self, descriptor: int, data: bytes) -> int:
        if descriptor < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not self._scheduler.is_ours:
            return os.write(descriptor, data)
        self._scheduler.check_alive()
        trouble = self._trouble
        if trouble.strikes(Kind.TORN_TAIL):
            os.write(descriptor, data[: trouble.random.randrange(len(data))])
            self._touch(descriptor)
            die(self._scheduler)
        if trouble.strikes(Kind.DISK_FULL):
            raise full_disk()
        if trouble.strikes(Kind.SHORT_WRITE):
            data = data[: trouble.random.randrange(len(data))]
        written = os.write(descriptor, data)
        self._touch(descriptor)
        return written

    def _touch(self, descriptor: int) -> None:
        now = self._clock.time_ns()
        os.utime(descriptor, ns=(now, now))

    def fsync(self, descriptor: int) -> None:
        if self._scheduler.is_ours and self._trouble.strikes(Kind.FSYNC_ERROR):
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class _Locks:
    """In place of `fcntl`: a lock that one shipper holds may be granted to another, as on some network disks."""

    def __init__(self, scheduler: Scheduler, trouble: Trouble) -> None:
        self._scheduler = scheduler
        self._trouble = trouble
        self._holders: dict[str, Process] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(fcntl, name)

    def flock(self, descriptor: int, how: int) -> None:
        if not self._scheduler.is_ours:
            fcntl.flock(descriptor, how)
            return
        process = self._scheduler.process
        path = process.descriptors[descriptor]
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            holder = self._holders.get(path)
            both_ship = holder is not None and all("shipper" in p.name for p in (holder, process))
            if not (both_ship and how & fcntl.LOCK_EX and self._trouble.strikes(Kind.TWO_SHIPPERS)):
                raise
        else:
            if how & fcntl.LOCK_EX:
                self._holders[path.replace(".tmp-", "")] = process


class _Wake:
    """In place of an event that a background thread waits for."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False

    def wait(self, timeout: float) -> None:
        if not self._is_set:
            self._scheduler.sleep(timeout)

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False


class _Pulses:
    """In place of the pulse that a process has: each simulated process has its own, of the product's class."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._each: dict[str, stageline.tracking.pulse.Pulse] = {}

    def add(self, beat: Any) -> None:
        self._mine().add(beat)

    def remove(self, stream: Any) -> None:
        self._mine().remove(stream)

    def _mine(self) -> stageline.tracking.pulse.Pulse:
        if not self._scheduler.is_ours:
            return _REAL_PULSE
        name = self._scheduler.process.name
        if name not in self._each:
            self._each[name] = stageline.tracking.pulse.Pulse()
        return self._each[name]


class _Threads:
    """In place of the module `threading`: threads are tasks, and who waits for a lock lets the others go on."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def Thread(  # as the module calls it
        self, target: Callable[..., None], args: tuple[Any, ...], name: str, daemon: bool
    ) -> Any:
        if not self._scheduler.is_ours:
            return threading.Thread(target=target, args=args, name=name, daemon=daemon)
        scheduler, process = self._scheduler, self._scheduler.process

        def start() -> None:
            scheduler.spawn(process, lambda: target(*args), f"{process.name}/{name}", daemon=daemon)

        return SimpleNamespace(start=start)

    def Event(self) -> Any:
        return _Wake(self._scheduler) if self._scheduler.is_ours else threading.Event()

    def RLock(self) -> Any:
        return CooperativeLock(self._scheduler) if self._scheduler.is_ours else threading.RLock()


def _inside(scheduler: Scheduler, simulated: Callable[..., Any], real: Callable[..., Any]) -> Any:
    """`simulated` for a task, `real` for whatever else runs in this process."""

    def call(*args: Any) -> Any:
        return (simulated if scheduler.is_task else real)(*args)

    return call


def _ours(scheduler: Scheduler, simulated: Callable[..., Any], real: Callable[..., Any]) -> Any:
    """A method that is `simulated` for a task and for who set all this up, `real` for any other thread."""

    def method(clock: SystemClock, *args: Any) -> Any:
        return simulated(*args) if scheduler.is_ours else real(clock, *args)

    return method


def _where(name: str) -> list[ModuleType]:
    """The modules of tracking that know something by this name, wherever it was moved to."""
    loaded = [m for key, m in sys.modules.items() if key.startswith("stageline.tracking.")]
    found = [module for module in loaded if name in vars(module)]
    assert found, f"nothing in stageline.tracking is called {name!r} any more: mend the seam"
    return found


@contextlib.contextmanager
def simulated(scheduler: Scheduler, trouble: Trouble, chance: Random) -> Iterator[ProcessClock]:
    """Every seam in place, inside the block."""
    clock = ProcessClock(scheduler)
    ids, probe, wal = stageline.domain.ids, stageline.storage.probe, stageline.storage.wal
    state, log = random.getstate(), logging.getLogger("stageline")
    was_disabled = log.disabled
    seams: list[tuple[Any, str, Any]] = [
        (SystemClock, "now_ms", _ours(scheduler, clock.now_ms, SystemClock.now_ms)),
        (SystemClock, "stamp", _ours(scheduler, clock.stamp, SystemClock.stamp)),
        (SystemClock, "sleep", _ours(scheduler, clock.sleep, SystemClock.sleep)),
        (time, "time_ns", _inside(scheduler, clock.time_ns, time.time_ns)),
        (time, "monotonic", _inside(scheduler, lambda: scheduler.now_ns / 1e9, time.monotonic)),
        (time, "sleep", _inside(scheduler, clock.sleep, time.sleep)),
        (os, "urandom", _inside(scheduler, chance.randbytes, os.urandom)),
        (os, "getpid", _inside(scheduler, lambda: scheduler.process.pid, os.getpid)),
        (stageline.storage.parallel, "started", lambda target, count: []),
        (stageline.storage.transfer, "CHUNK", PART_BYTES),
        (wal, "os", _Disk(scheduler, trouble, clock)),
        (wal, "fcntl", _Locks(scheduler, trouble)),
        (stageline.tracking.pulse, "TICK_S", TICK_S),
        (stageline.tracking.kept_files, "_away_until", {}),
    ]
    threads, pulses = _Threads(scheduler), _Pulses(scheduler)
    for name, other in (
        ("threading", threads), ("PULSE", pulses), ("HOST", "simulated"),
        ("alone_with", lambda *_: contextlib.nullcontext()),
    ):  # fmt: skip
        seams += [(module, name, other) for module in _where(name)]
    with contextlib.ExitStack() as stack:
        for place, name, other in seams:
            stack.enter_context(patch.object(place, name, other))
        ids._noise._ready.clear()
        probe._known.pop(URL, None)
        probe._exclusive.pop(URL, None)
        random.seed(chance.random())
        log.disabled = True
        try:
            yield clock
        finally:
            scheduler.tear_down()
            log.disabled = was_disabled
            ids._noise._ready.clear()
            random.setstate(state)
