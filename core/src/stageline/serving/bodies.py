"""Bodies of requests, within their limits: read whole, or refused."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

import anyio

from stageline.models.scoring import Answer, failure

if TYPE_CHECKING:
    from stageline.serving.asgi import Receive, Scope


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
    declared = b""
    for name, value in scope["headers"]:
        if name == b"content-length":
            declared = value
            break
    if declared.isdigit() and int(declared[:20]) > limits.max_bytes:
        raise BodyRefused(_too_long(limits))
    # A timer costs more than all else here, and most bodies are there at once.
    coming = Begun(receive())
    if coming.is_there and not coming.message.get("more_body", False):
        if coming.message["type"] == "http.disconnect":
            return None
        whole: bytes = coming.message.get("body", b"")
        if len(whole) > limits.max_bytes:
            raise BodyRefused(_too_long(limits))
        return whole
    chunks: list[bytes] = []
    size = 0
    with anyio.move_on_after(limits.body_timeout_s):
        message = await coming
        while True:
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limits.max_bytes:
                raise BodyRefused(_too_long(limits))
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            message = await receive()
    raise BodyRefused(
        failure(408, "BAD_REQUEST", "The body of the request did not arrive in time.")
    )


class Begun:
    """A message that has been asked for: `is_there` already, or to be awaited as if it had been just now."""

    __slots__ = ("_step", "_waits_for", "is_there", "message")

    def __init__(self, asked: Awaitable[MutableMapping[str, Any]]) -> None:
        self._step: Generator[Any, Any, MutableMapping[str, Any]] = asked.__await__()
        self._waits_for: Any = None
        self.message: MutableMapping[str, Any] = {}
        self.is_there = False
        try:
            self._waits_for = next(self._step)
        except StopIteration as done:
            self.message, self.is_there = done.value, True

    def __await__(self) -> Generator[Any, Any, MutableMapping[str, Any]]:
        if not self.is_there:
            try:
                yield self._waits_for
            except BaseException:  # cancelled: let go of what it waits for
                self._step.close()
                raise
            self.message = yield from self._step
        return self.message


def _too_long(limits: BodyLimits) -> Answer:
    return failure(
        413,
        "BAD_REQUEST",
        f"The body of the request is longer than {limits.max_bytes} bytes: send it in several requests",
    )
