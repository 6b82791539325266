"""Bodies of requests to `/api/stageline/1`, bounded before a framework reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.models.scoring import Answer
from stageline.server.api.failures import WHAT_TO_DO
from stageline.serving.asgi import send_answer
from stageline.serving.bodies import BodyRefused, read_body

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from stageline.server.options import Limits
    from stageline.serving.asgi import App, Receive, Scope, Send

MAX_BYTES = 1 << 20
"""No policy is longer."""


class _Bounds(NamedTuple):
    max_bytes: int
    body_timeout_s: float


class Bounded:
    """An ASGI application around another: hands it bodies that are there, whole and not too long."""

    def __init__(self, app: App, limits: Limits) -> None:
        self._app = app
        self._bounds = _Bounds(min(MAX_BYTES, limits.max_bytes), limits.body_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then hand the request on."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive, self._bounds)
        except BodyRefused as error:
            await send_answer(send, _told(error.answer), closes=True)
            return
        if body is None:
            return  # the client has left
        parts = [body]

        async def whole() -> MutableMapping[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            return await receive()

        await self._app(scope, whole, send)


def _told(answer: Answer) -> Answer:
    document = msgspec.json.decode(answer.body)
    document["what_to_do"] = WHAT_TO_DO[answer.status]
    return answer._replace(body=msgspec.json.encode(document))
