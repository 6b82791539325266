"""The route `/metrics`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from stageline.errors import NotAllowed
from stageline.server.caller import caller_of
from stageline.server.failures import answer_to

if TYPE_CHECKING:
    from starlette.requests import Request


async def metrics(request: Request) -> Response:
    """The figures of all workers, for whoever may read everything: they name every route that is used."""
    from stageline.server.figures.exposition import exposed  # late: few servers are scraped

    caller = caller_of(request.scope)
    if not caller.may_all("read"):
        refused = answer_to(NotAllowed(f"{caller.name} has no right to read figures of the server"))
        return Response(refused.body, refused.status, media_type=refused.media_type)
    text, media_type = await asyncio.to_thread(exposed, request.app.state.figures)
    return Response(text, media_type=media_type)
