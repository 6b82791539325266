"""A request before it becomes a page: below which prefix it came, and the form that it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from stageline.errors import InvalidInput
from stageline.serving.forwarded import FORWARDED_PREFIX
from stageline.ui.options import is_prefix

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from stageline.serving.asgi import App, Receive, Scope, Send

Fields: TypeAlias = "ImmutableMultiDict[str, str]"
"""Of a form, or of a query; `get`, and `getlist` for all values of a name. Files are not among them."""
LONGEST_FORM = 4 << 20
"""Bytes; the text of a model's description is the longest of what is sent."""


class BelowPrefix:
    """An ASGI application around another: takes a prefix off the paths that begin with it."""

    def __init__(self, app: App, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        path = scope.get("path", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            # In place: whoever counts requests, around this one, knows routes without it.
            scope["path"] = path[len(self._prefix) :] or "/"
            scope.pop("raw_path", None)
        scope["stageline.below"] = self._prefix
        await self._app(scope, receive, send)


def place(scope: MutableMapping[str, Any], prefix: str = "") -> None:
    """Note below which prefix links lie, and the path of the page itself.

    The prefix is what a trusted proxy in front took off (`X-Forwarded-Prefix`, as `serving.forwarded` found it) or what
    the server was told, and then where the application is mounted in another.
    """
    forwarded = scope.get(FORWARDED_PREFIX, "").rstrip("/")
    prefix = scope.get("stageline.below", prefix)
    mounted = scope.get("root_path", "")
    path: str = scope["path"]
    scope["stageline.prefix"] = (forwarded if is_prefix(forwarded) else prefix) + mounted
    if mounted and path.startswith(f"{mounted}/"):
        path = path[len(mounted) :]
    scope["stageline.path"] = path


async def read_form(request: Request) -> Fields:
    """The fields of a form. Raises `InvalidInput` where it is longer than any of ours."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise InvalidInput(f"a form may have at most {LONGEST_FORM >> 20} MB")

    async def replayed() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    async with Request(request.scope, replayed).form() as form:
        return ImmutableMultiDict(
            [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        )
