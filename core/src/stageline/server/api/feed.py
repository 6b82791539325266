"""News of the registry for all of a worker's listeners: one look at the store for as many as wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from stageline.errors import StagelineError
from stageline.server.failures import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

LOCAL_S, REMOTE_S = 0.5, 2.0
"""Seconds between two looks while anybody waits; a bucket is paid by the request."""
GLANCE_S = 0.5
"""Seconds until one who waits sees that the server is about to stop."""


class Feed:
    """Lives on one event loop. `newest` tells apart two states of the registry; it is called in a thread."""

    def __init__(self, newest: Callable[[], str], every_s: float, most: int) -> None:
        self._newest = newest
        self._every_s = every_s
        self._most = most
        self.listeners = 0
        self._known: str | None = None
        self._news = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """A place among the listeners. Raises `Refused` if there are as many as may be."""
        if self.listeners >= self._most:
            raise Refused(
                429,
                "REQUEST_LIMIT_EXCEEDED",
                f"{self._most} listeners wait for events at this worker already: come again, or ask without `wait`",
            )
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1
            if not self.listeners and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    def next_news(self) -> asyncio.Event:
        """What is set at the next news: take it before you look, and nothing falls in between."""
        if self._watch is None or self._watch.done():
            self._known = None
            self._watch = asyncio.ensure_future(self._look())
        return self._news

    async def wait(self, news: asyncio.Event, scope: Any, timeout_s: float) -> bool:
        """Whether there was news within so many seconds; ends early when the server is about to stop."""
        until = time.monotonic() + timeout_s
        while not news.is_set() and not is_closing(scope):
            left = until - time.monotonic()
            if left <= 0:
                return False
            await is_done_within(asyncio.ensure_future(news.wait()), min(left, GLANCE_S))
        return news.is_set()

    async def _look(self) -> None:
        while self.listeners:
            # A store that is away has no news; whoever asks it is told.
            with suppress(StagelineError):
                newest = await asyncio.to_thread(self._newest)
                if newest != self._known:
                    self._known = newest
                    self._news.set()
                    self._news = asyncio.Event()
            await asyncio.sleep(self._every_s)


async def is_done_within(task: asyncio.Future[Any], timeout_s: float) -> bool:
    """Whether a task ended in time; otherwise it is cancelled, as when this is.

    Unlike `asyncio.wait_for` before Python 3.12, this never takes a cancellation for the end of the task: a stream
    whose client left in the moment of an event would go on for ever.
    """
    try:
        return bool((await asyncio.wait((task,), timeout=timeout_s))[0])
    finally:
        task.cancel()


def is_closing(scope: Any) -> bool:
    """Whether the worker is to take nothing new, as the door in front of it says."""
    door = scope.get("door")
    return door is not None and door.is_closing
