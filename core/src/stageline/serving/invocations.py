"""`POST /invocations`: a body within its limits, predicted on in a thread, within a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import anyio

from stageline.models.scoring import JSON, Answer, failure, score
from stageline.serving.asgi import Receive, Scope, Send, send_answer
from stageline.serving.bodies import BodyRefused, read_body

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel
    from stageline.serving.order import Limits

RETRY_AFTER_S = 1
_TOO_LATE = Answer(504, b"Request processing time exceeded limit", JSON)
"""MLflow's, to the byte: 408 would ask clients to send again what has just kept a thread busy in vain."""

_log = logging.getLogger("stageline")


class Invocations:
    """An ASGI endpoint: predicts, `limits.threads` at a time.

    A prediction that is given up goes on in its thread, since Python can not stop it, and keeps its place among the
    `limits.concurrency`. If it takes as long again, `on_stuck` is called, once: the process should be replaced.
    """

    def __init__(self, model: LoadedModel, limits: Limits, on_stuck: Callable[[], None]) -> None:
        self._model = model
        self._limits = limits
        self._on_stuck = on_stuck
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="predict")
        self._running: set[Future[Answer]] = set()
        self.taken = 0
        """Requests that are being answered, or whose prediction still runs."""

    @property
    def is_idle(self) -> bool:
        """Whether no prediction runs, not even one that nobody waits for."""
        return not self._running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self.taken >= self._limits.concurrency:
            retry = (b"retry-after", str(RETRY_AFTER_S).encode())
            await send_answer(send, _BUSY, retry)
            return
        self.taken += 1
        try:
            body = await read_body(scope, receive, self._limits)
            if body is None:
                return  # the client has left
            answer = await self._predicted(body, _content_type(scope))
        except BodyRefused as error:
            await send_answer(send, error.answer, closes=True)
            return
        finally:
            self.taken -= 1
        await send_answer(send, answer)

    async def _predicted(self, body: bytes, content_type: str | None) -> Answer:
        loop = asyncio.get_running_loop()
        future = self._threads.submit(score, self._model, body, content_type)
        self._running.add(future)
        future.add_done_callback(lambda _: self._running.discard(future))
        with anyio.move_on_after(self._limits.timeout_s):
            return await asyncio.shield(asyncio.wrap_future(future))
        if not future.cancel():
            _log.warning(
                "a prediction takes longer than %s s; its client was told 504",
                self._limits.timeout_s,
            )
            self.taken += 1
            future.add_done_callback(lambda _: _call(loop, self._leave))
            loop.call_later(self._limits.timeout_s, self._check, future)
        return _TOO_LATE

    def _leave(self) -> None:
        self.taken -= 1

    def _check(self, future: Future[Answer]) -> None:
        if not future.done():
            self._on_stuck()


def _content_type(scope: Scope) -> str | None:
    found = next((value for name, value in scope["headers"] if name == b"content-type"), None)
    return None if found is None else found.decode("latin-1")


def _call(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """From a thread; the loop may have ended in the meantime."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


_BUSY = failure(
    429,
    "REQUEST_LIMIT_EXCEEDED",
    "The server is busy with as many requests as it takes at once: try again in a moment",
)
