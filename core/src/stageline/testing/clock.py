"""A clock that stands still until it is told to move."""

from __future__ import annotations

from threading import Lock


class FixedClock:
    """Implements `stageline.clock.Clock`. `sleep` moves it and returns at once, so no test waits.

    >>> clock = FixedClock(now_ms=1_000)
    >>> clock.sleep(1.5)
    >>> clock.now_ms()
    2500
    """

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._lock = Lock()
        self._now_ns = now_ms * 1_000_000
        self._last_stamp = 0
        self.slept: list[float] = []
        """Every wait that was asked for, in seconds."""

    def now_ms(self) -> int:
        """The time that was set, in milliseconds."""
        return self._now_ns // 1_000_000

    def stamp(self) -> int:
        """The time that was set, in nanoseconds, one more than the last stamp if that is not earlier."""
        with self._lock:
            self._last_stamp = max(self._now_ns, self._last_stamp + 1)
            return self._last_stamp

    def sleep(self, seconds: float) -> None:
        """Note the wait and move on by it."""
        with self._lock:
            self.slept.append(seconds)
            self._now_ns += int(seconds * 1e9)

    def set(self, now_ms: int) -> None:
        """Jump to a time, forwards or back: what a machine's clock does when it is corrected."""
        self._now_ns = now_ms * 1_000_000
