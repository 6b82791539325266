"""The clock as a seam: real time here, a settable one in `stageline.testing`."""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import Protocol

DAY_MS = 86_400_000


class Clock(Protocol):
    """What the library asks of time. Wall time only labels and breaks ties; it never decides a commit."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...

    def stamp(self) -> int:
        """Unix time in nanoseconds, strictly increasing within a process: orders one writer's own edits."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, in seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._last = 0
        self._renew_lock()
        # Another thread of the parent may hold it at the moment of the fork.
        os.register_at_fork(after_in_child=self._renew_lock)

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def stamp(self) -> int:
        """Unix time in nanoseconds, strictly increasing within this process."""
        with self._lock:
            now = time.time_ns()
            self._last = now if now > self._last else self._last + 1
            return self._last

    def sleep(self, seconds: float) -> None:
        """Wait, in seconds."""
        time.sleep(seconds)

    def _renew_lock(self) -> None:
        self._lock = Lock()


SYSTEM_CLOCK: Clock = SystemClock()
