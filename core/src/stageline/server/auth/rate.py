"""How often somebody may come: a bucket of tries for each, which fills up again by time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000
"""Callers that are remembered; who was quiet for longest is forgotten first, and then has a full bucket."""


class Rate:
    """`per_s` times a second on average, and `burst` times at once. For one event loop.

    >>> rate = Rate(1, 2, now=lambda: 0.0)
    >>> rate.wait_s("ann"), rate.wait_s("ann"), rate.wait_s("ann"), rate.wait_s("bob")
    (0.0, 0.0, 1.0, 0.0)
    """

    def __init__(
        self, per_s: float, burst: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, who: str, *, takes: float = 1.0) -> float:
        """Seconds until they may come; 0.0 if they may now, which is counted. With `takes=0` it is only asked."""
        now = self._now()
        left, at = self._left.get(who, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        if left < 1:
            return (1 - left) / self._per_s
        if takes:
            self._left[who] = (left - takes, now)
            self._left.move_to_end(who)
            while len(self._left) > MOST:
                self._left.popitem(last=False)
        return 0.0
