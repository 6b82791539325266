"""The pages in Airflow's API server: over the store of the connection, opened for the first who may come in."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from airflow_provider_stageline.pages.entrances import entrances_of
from airflow_provider_stageline.pages.guests import guest_of
from airflow_provider_stageline.stores import hook_of
from stageline import pages_app
from stageline.errors import StagelineError
from stageline.tasks import Tracking

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger("stageline")


class MountedPages:
    """An ASGI application. The store stays open; a connection that is changed later counts after a restart."""

    def __init__(self) -> None:
        self._pages: ASGIApp | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, once Airflow has said who asks."""
        if scope["type"] != "http":
            return
        if self._pages is None:
            refusal = await self._open(Request(scope, receive))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        assert self._pages is not None
        await self._pages(scope, receive, send)

    async def _open(self, request: Request) -> Response | None:
        found = await guest_of(request)
        if isinstance(found, Response):
            return found
        async with self._opening:
            try:
                self._pages = self._pages or await run_in_threadpool(_opened)
            except StagelineError as error:
                _log.warning("the pages can not be shown: %s", error)
                return PlainTextResponse(f"Stageline's pages can not be shown: {error}", 503)
        return None


def _opened() -> Any:
    hook = hook_of(Tracking())
    assert hook is not None  # no store is named but by the connection
    workspace = hook.workspace()
    return pages_app(workspace, guest_of, entrances=entrances_of(workspace))
