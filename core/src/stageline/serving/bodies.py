"""Bodies of requests, within their limits: read whole, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

from stageline.models.scoring import Answer, failure

if TYPE_CHECKING:
    from stageline.serving.door import Receive, Scope


class BodyLimits(Protocol):
    """How long a body may be, and how long it may take."""

    @property
    def max_bytes(self) -> int:
        """Bytes; a longer one is answered 413."""
        ...

    @property
    def body_timeout_s(self) -> float:
        """Seconds to arrive; then 408."""
        ...


class BodyRefused(Exception):
    """The body is too long, or too slow; `answer` says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


async def read_body(scope: Scope, receive: Receive, limits: BodyLimits) -> bytes | None:
    """The body; None if the client went away before all of it was there.

    Raises:
        BodyRefused: it is longer than the limit, whatever its Content-Length says, or does not arrive in time.
    """
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if declared.isdigit() and int(declared[:20]) > limits.max_bytes:
        raise BodyRefused(_too_long(limits))
    chunks: list[bytes] = []
    size = 0
    with anyio.move_on_after(limits.body_timeout_s):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limits.max_bytes:
                raise BodyRefused(_too_long(limits))
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    raise BodyRefused(
        failure(408, "BAD_REQUEST", "The body of the request did not arrive in time.")
    )


def _too_long(limits: BodyLimits) -> Answer:
    return failure(
        413,
        "BAD_REQUEST",
        f"The body of the request is longer than {limits.max_bytes} bytes: send it in several requests",
    )
