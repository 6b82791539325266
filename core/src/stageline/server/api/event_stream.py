"""Transitions as server-sent events: resumable, with heartbeats, and no patience for a client that does not read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from stageline.errors import StagelineError
from stageline.registry.events import decode_cursor, encode_cursor
from stageline.server.api import words
from stageline.server.api.feed import Feed, is_closing, is_done_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.registry.events import Followed
    from stageline.server.api.positions import Positions
    from stageline.serving.asgi import Receive, Scope, Send

HEARTBEAT_S = 15.0
PATIENCE_S = 30.0
"""Seconds that a client may leave what was sent to it unread."""
RETRY_MS = 2000
AT_ONCE = 500


class EventStream(Response):
    """Sends transitions since a cursor until the client leaves, or the server does."""

    media_type = "text/event-stream"

    def __init__(
        self,
        feed: Feed,
        follow: Callable[[str], Followed],
        positions: Positions,
        cursor: str,
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._follow = follow
        self._positions = positions
        self._cursor = cursor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side leaves."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.ensure_future(_left(receive))
        telling = asyncio.ensure_future(self._tell(scope, send))
        try:
            await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, telling):
                task.cancel()
            outcome = (await asyncio.gather(gone, telling, return_exceptions=True))[1]
        if isinstance(outcome, Exception) and not isinstance(
            outcome, (OSError, asyncio.TimeoutError, StagelineError)
        ):
            raise outcome
        if outcome is None:
            await send({"type": "http.response.body", "body": b""})

    async def _tell(self, scope: Any, send: Send) -> None:
        async with self._feed.listening():
            await _say(send, f"retry: {RETRY_MS}\n\n")
            while not is_closing(scope):
                news = self._feed.next_news()
                found = await asyncio.to_thread(self._follow, self._cursor)
                if found.cursor != self._cursor:
                    last = await asyncio.to_thread(self._positions.sent, found.cursor)
                    await _say(send, told(found, self._cursor, last))
                    self._cursor = found.cursor
                if len(found.events) >= AT_ONCE:
                    continue
                if not await self._feed.wait(news, scope, HEARTBEAT_S):
                    await _say(send, ": still here\n\n")


def told(found: Followed, since: str, last: str) -> str:
    """The events, each with the cursor after it, as far as what happened in the same entry has been told by then.

    Where cursors are too long for that, only `last` is told, which stands for the one after all of them.
    """
    are_short = last == found.cursor
    seen = decode_cursor(since)
    lines: list[str] = []
    for at, event in enumerate(found.events):
        following = found.events[at + 1] if at + 1 < len(found.events) else None
        if following is None or (following.name, following.entry) != (event.name, event.entry):
            seen[event.name] = event.entry
            if are_short:
                lines.append(f"id: {encode_cursor(seen)}\n")
        data = words.transition(event).model_dump_json()
        lines.append(f"event: transition\ndata: {data}\n\n")
    # Entries that tell of no transition are behind now, too: an id alone is remembered and calls nobody.
    lines.append(f"id: {last}\n\n")
    return "".join(lines)


async def _say(send: Send, text: str) -> None:
    message = {"type": "http.response.body", "body": text.encode(), "more_body": True}
    sending = asyncio.ensure_future(send(message))
    if not await is_done_within(sending, PATIENCE_S):
        raise asyncio.TimeoutError
    sending.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
