"""The words of ASGI, by which the applications here call each other, and an answer that is sent whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from stageline.models.scoring import Answer

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


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
