"""What every request passes first: the names that it comes by, and the word that the server is about to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from stageline.models.scoring import Answer, failure
from stageline.serving.hosts import is_known, is_own_origin

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Door:
    """An ASGI application around another."""

    def __init__(self, app: App, hosts: tuple[str, ...] | None) -> None:
        self._app = app
        self._hosts = hosts
        self.is_closing = False
        """Whether each answer asks the client to come by another connection, which another process will take."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["door"] = self  # for those who answer at length
        send = self._sending(send)
        refusal = None if self._hosts is None else self._refusal(scope, self._hosts)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await send_answer(send, refusal)

    def _sending(self, send: Send) -> Send:
        """As `send`, where an answer that begins once the server is closing says so."""

        async def sending(message: MutableMapping[str, Any]) -> None:
            if self.is_closing and message["type"] == "http.response.start":
                headers = [one for one in message["headers"] if one[0].lower() != b"connection"]
                message = {**message, "headers": [*headers, (b"connection", b"close")]}
            await send(message)

        return sending

    def _refusal(self, scope: Scope, hosts: tuple[str, ...]) -> Answer | None:
        for name, value in scope["headers"]:
            if name == b"host" and not is_known(value, hosts):
                return failure(
                    403,
                    "PERMISSION_DENIED",
                    "Invalid Host header. The server listens for this machine alone; --allowed-host names others "
                    "by which it may be reached",
                )
            if name == b"origin" and not is_own_origin(value, hosts):
                return failure(
                    403, "PERMISSION_DENIED", "A page of another site may not ask this server."
                )
        return None


async def send_answer(
    send: Send, answer: Answer, *headers: tuple[bytes, bytes], closes: bool = False
) -> None:
    """Send an answer whole; `closes` the connection after it, where more of the request may be on its way."""
    sent = [
        (b"content-type", _typed(answer.media_type)),
        (b"content-length", str(len(answer.body)).encode()),
        *headers,
    ]
    if closes:
        sent.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": sent})
    await send({"type": "http.response.body", "body": answer.body})


def _typed(media_type: str) -> bytes:
    return (
        f"{media_type}; charset=utf-8".encode()
        if media_type == "text/plain"
        else media_type.encode()
    )
