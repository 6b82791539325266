"""The feed of transitions: asked for by cursor, waited for, or streamed."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query, Request

from stageline.server.api import words
from stageline.server.api.asking import Asker, Asking
from stageline.server.api.event_stream import AT_ONCE, EventStream
from stageline.server.api.failures import ToldRoute
from stageline.server.api.feed import Feed as News
from stageline.server.api.feed import is_closing
from stageline.server.api.request_shapes import Feed

if TYPE_CHECKING:
    from stageline.registry.events import Followed
    from stageline.server.api.positions import Positions

router = APIRouter(route_class=ToldRoute, tags=["events"])

LONGEST_WAIT_S = 30.0
NOW = "now"

Since = Annotated[
    str | None,
    Query(description="The `cursor` of an earlier answer; `now` for what happens from here on."),
]
OfModel = Annotated[str | None, Query(description="Only this model's.", examples=["wine"])]


@router.get("/events")
async def list_events(
    ask: Asking,
    request: Request,
    since: Since = None,
    name: OfModel = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="About so many.")] = 100,
    wait: Annotated[
        float,
        Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for the first one."),
    ] = 0,
) -> Feed:
    """Transitions of all models since a cursor, in order; with `wait`, as soon as there is one."""
    ask.check("read", model=name)
    cursor = await _cursor(ask, request, since)
    follow = partial(_follow, ask, name=name, limit=limit)
    answer = partial(_feed, request.app.state.positions, since or "")
    if not wait:
        return await asyncio.to_thread(lambda: answer(follow(cursor)))
    news: News = request.app.state.news
    until = time.monotonic() + wait
    async with news.listening():
        while True:
            following = news.next_news()
            found = await asyncio.to_thread(follow, cursor)
            left = until - time.monotonic()
            if found.events or left <= 0 or is_closing(request.scope):
                return await asyncio.to_thread(answer, found)
            cursor = found.cursor
            await news.wait(following, request.scope, left)


@router.get(
    "/events/stream",
    response_class=EventStream,
    status_code=200,
    responses={
        200: {
            "description": "Events named `transition`, whose data is a `Transition` and whose id a cursor.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def stream_events(
    ask: Asking,
    request: Request,
    since: Since = None,
    name: OfModel = None,
    last_event_id: Annotated[
        str | None, Header(description="What a browser sends when it comes again.")
    ] = None,
) -> Any:
    """Transitions as they happen, as server-sent events, until either side leaves."""
    ask.check("read", model=name)
    cursor = await _cursor(ask, request, last_event_id or since)
    news: News = request.app.state.news
    async with news.listening():  # refused before the stream begins, rather than in it
        pass
    follow = partial(_follow, ask, name=name, limit=AT_ONCE)
    return EventStream(news, follow, request.app.state.positions, cursor)


async def _cursor(ask: Asker, request: Request, since: str | None) -> str:
    """Where to begin. Raises `InvalidInput`."""
    if since == NOW:
        return await asyncio.to_thread(lambda: ask.workspace.registry.cursor(sees=ask.sees))
    positions: Positions = request.app.state.positions
    return await asyncio.to_thread(positions.read, since or "")


def _follow(ask: Asker, cursor: str, *, name: str | None, limit: int) -> Followed:
    return ask.workspace.registry.follow(cursor, name=name, limit=limit, sees=ask.sees)


def _feed(positions: Positions, since: str, found: Followed) -> Feed:
    told = [words.transition(one) for one in found.events]
    return Feed(events=told, cursor=positions.sent(found.cursor, since))
