"""What every request passes first: the names that it comes by, and the word that the server is about to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.models.scoring import Answer, failure
from stageline.serving.asgi import send_answer
from stageline.serving.crossing import Header, asks_beforehand, crossing, permission
from stageline.serving.forwarded import as_sent, parse_proxies
from stageline.serving.hosts import is_known, is_own_origin

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from stageline.serving.asgi import App, Receive, Scope, Send


class Door:
    """An ASGI application around another."""

    def __init__(
        self,
        app: App,
        hosts: tuple[str, ...] | None,
        *,
        origins: tuple[str, ...] = (),
        proxies: tuple[str, ...] = (),
    ) -> None:
        """What may pass.

        Args:
            app: The application behind the door.
            hosts: Names that requests may come by, beside those of this machine; None for any.
            origins: Other sites whose pages may ask, in full: `https://ml.example.com`.
            proxies: Addresses and networks whose word on `X-Forwarded-...` is taken.
        """
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._proxies = parse_proxies(proxies)
        self.is_closing = False
        """Whether each answer asks the client to come by another connection, which another process will take."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["door"] = self  # for those who answer at length
        if self._proxies:
            as_sent(scope, self._proxies)
        granted = crossing(scope, self._origins) if self._origins else []
        send = self._sending(send, granted)
        refusal = self._refusal(scope)
        if refusal is not None:
            await send_answer(send, refusal, closes=True)
        elif granted and asks_beforehand(scope):
            await send_answer(send, Answer(204, b"", "text/plain"), *permission(granted)[2:])
        else:
            await self._app(scope, receive, send)

    def _sending(self, send: Send, granted: list[Header]) -> Send:
        """As `send`, where an answer that begins once the server is closing says so."""

        async def sending(message: MutableMapping[str, Any]) -> None:
            if granted and message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *granted]}
            if self.is_closing and message["type"] == "http.response.start":
                headers = [one for one in message["headers"] if one[0].lower() != b"connection"]
                message = {**message, "headers": [*headers, (b"connection", b"close")]}
            await send(message)

        return sending

    def _refusal(self, scope: Scope) -> Answer | None:
        host = origin = site = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    return failure(400, "BAD_REQUEST", "The request has several Host headers.")
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
        if host is not None and self._hosts is not None and not is_known(host, self._hosts):
            return _STRANGE_HOST
        if (
            origin is None
        ):  # as old browsers sent forms; newer ones say at least that it is another site
            is_change = scope["method"] not in ("GET", "HEAD")
            return _ELSEWHERE if site == b"cross-site" and is_change else None
        is_own = is_own_origin(origin, host or b"", self._hosts or (), self._origins)
        return None if is_own else _ELSEWHERE


_STRANGE_HOST = failure(
    403,
    "PERMISSION_DENIED",
    "Invalid Host header. The server listens for this machine alone; --allowed-host names others "
    "by which it may be reached",
)
_ELSEWHERE = failure(
    403,
    "PERMISSION_DENIED",
    "A page of another site may not ask this server; --allowed-origin names those that may",
)
