"""What every request passes first: it gets an id, and is counted and written down when it is answered."""

from __future__ import annotations

import os
import re
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from stageline.server.caller import caller_of
from stageline.server.figures.request_log import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, MutableMapping

    from stageline.server.figures.figures import Figures
    from stageline.server.figures.request_log import RequestLog
    from stageline.server.figures.routes import Routes
    from stageline.serving.asgi import App, Receive, Scope, Send

REQUEST_ID = b"x-request-id"
_GIVEN = re.compile(rb"[A-Za-z0-9._:-]{1,64}").fullmatch
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Watch:
    """An ASGI application around another."""

    def __init__(self, app: App, figures: Figures, log: RequestLog | None, routes: Routes) -> None:
        self._app = app
        self._routes = routes
        self._figures = figures
        self._log = log
        self._mark = os.urandom(4).hex().encode() + b"-%x"
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        figures = self._figures
        figures.in_flight += 1
        request_id = self._id(scope)
        status = sent_bytes = 0

        # No coroutine of its own: a point is answered in tens of microseconds.
        def watched(message: MutableMapping[str, Any]) -> Awaitable[None]:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID, request_id)]
            else:
                sent_bytes += len(message.get("body", b""))
            return send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            figures.in_flight -= 1
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = scope.get("template") or self._routes.of(scope)
            seconds = time.perf_counter() - started
            figures.take(route, method, status, seconds, sent_bytes)
            if self._log is not None:
                caller = caller_of(scope).name
                ms = round(seconds * 1000, 3)
                told = (method, route, status, ms, sent_bytes, caller, request_id.decode())
                self._log.lines.append(Line(time.time(), *told))

    def _id(self, scope: Scope) -> bytes:
        """The client's, if it can be nothing else; it is told back, and stands in the log."""
        for name, value in scope["headers"]:
            if name == REQUEST_ID:
                if _GIVEN(value):
                    return bytes(value)
                break
        return self._mark % next(self._numbers)
