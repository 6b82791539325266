"""MLflow's paths in front of a web framework: found in a table, read and written by msgspec, worked on in threads.

A point behind a route of FastAPI costs 120 us of CPU, and 26 us here: the rest was looking through routes one by one,
and reading bodies by annotation. FastAPI answers what is not called thousands of times; see docs/design/010-server.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.errors import InvalidInput
from stageline.models.scoring import JSON, Answer
from stageline.server.auth.guard import Guard
from stageline.server.auth.homes import NotKnown
from stageline.server.endpoint import NOT_NOW, Call, Endpoint
from stageline.server.failures import Refused, answer_to, failure
from stageline.server.table import PREFIXES, Table
from stageline.server.wire import check_lists, encode, read_body, read_query
from stageline.serving.asgi import App, Receive, Scope, Send, send_answer
from stageline.serving.bodies import BodyRefused
from stageline.serving.bodies import read_body as receive_body

if TYPE_CHECKING:
    from stageline.server.replica import Replica

EMPTY = Answer(200, b"{}", JSON)
RETRY_AFTER = (b"retry-after", b"1")


class Protocol:
    """An ASGI application around another: answers MLflow's paths, and hands the rest on."""

    def __init__(self, app: App, replica: Replica, table: Table) -> None:
        self._app = app
        self._replica = replica
        self._table = table
        limits = replica.options.limits
        self._limits = limits
        self._guard = Guard(replica) if replica.options.auth is not None else None
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="protocol")
        self._large = asyncio.Semaphore(limits.large_bodies)
        self._taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIXES):
            await self._app(scope, receive, send)
        elif self._taken >= self._limits.concurrency:
            await send_answer(send, _BUSY, RETRY_AFTER)
        else:
            self._taken += 1
            try:
                await self._answer(scope, receive, send)
            finally:
                self._taken -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        closes = False
        try:
            endpoint, fields = self._table.find(scope["method"], scope["path"])
            scope["template"] = endpoint.path
            if scope["method"] == "GET":
                ask = read_query(scope["query_string"], endpoint.ask)
                answer = await self._worked(scope, endpoint, _filled(ask, fields))
            else:
                found = await self._with_body(scope, receive, endpoint, fields)
                if found is None:
                    return  # the client has left
                answer = found
        except BodyRefused as error:
            answer, closes = error.answer, True
        except (
            Exception
        ) as error:  # of any kind: whatever it is, the client is told so in MLflow's words
            answer = answer_to(error, self._replica.secrets)
        await send_answer(send, answer, closes=closes)

    async def _with_body(
        self, scope: Scope, receive: Receive, endpoint: Endpoint, fields: dict[str, str]
    ) -> Answer | None:
        size = _declared_size(scope)
        if 0 <= size <= self._limits.large_bytes:
            return await self._read_and_worked(scope, receive, endpoint, fields)
        async with self._large:
            return await self._read_and_worked(scope, receive, endpoint, fields)

    async def _read_and_worked(
        self, scope: Scope, receive: Receive, endpoint: Endpoint, fields: dict[str, str]
    ) -> Answer | None:
        body = await receive_body(scope, receive, self._limits)
        if body is None:
            return None
        if body:
            _check_type(scope)
        ask = read_body(body, endpoint.ask)
        check_lists(ask)
        return await self._worked(scope, endpoint, _filled(ask, fields) if fields else ask)

    async def _worked(self, scope: Scope, endpoint: Endpoint, ask: Any) -> Answer:
        call = Call(self._replica, scope)
        answer = endpoint.answer
        if self._guard is not None:
            caller = self._guard.caller(scope)
            try:
                ask = self._guard.asked(caller, endpoint, ask, waits=False)
            except NotKnown:
                guarded = partial(self._guard.answered, caller, endpoint)
                return await self._threaded(endpoint, guarded, call, ask)
            if not caller.is_unlimited:
                answer = partial(self._guard.shown_answer, caller, endpoint)
        if endpoint.quick is not None and self._replica.is_quick:
            found = endpoint.quick(call, ask)
            if found is not NOT_NOW:
                return _written(found)
        return await self._threaded(endpoint, answer, call, ask)

    async def _threaded(
        self, endpoint: Endpoint, answer: Callable[[Call, Any], Any], call: Call, ask: Any
    ) -> Answer:
        """The answer, worked out in a thread. Raises `Refused` if that takes too long; it goes on then."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, _work, answer, call, ask)
        done, _ = await asyncio.wait((work,), timeout=self._limits.answer_timeout_s)
        if done:
            return work.result()
        work.cancel()  # so that one which still waits for a thread never begins
        if endpoint.method == "GET" or endpoint.path.endswith("/search"):
            # Not 5xx: clients would ask the same again, and take the next thread.
            raise Refused(400, "BAD_REQUEST", "This takes too long to answer: ask for less at once")
        raise Refused(503, "TEMPORARILY_UNAVAILABLE", "This took too long; it may have been done")


def _work(answer: Callable[[Call, Any], Any], call: Call, ask: Any) -> Answer:
    return _written(answer(call, ask))  # writing a thousand runs takes time too


def _written(found: Any) -> Answer:
    if isinstance(found, Answer):
        return found
    return EMPTY if found is None else Answer(200, encode(found), JSON)


def _filled(ask: Any, fields: dict[str, str]) -> Any:
    known = set(ask.__struct_fields__)
    return msgspec.structs.replace(ask, **{k: v for k, v in fields.items() if k in known})


def _declared_size(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return -1


def _check_type(scope: Scope) -> None:
    for name, value in scope["headers"]:
        if name == b"content-type":
            if value.split(b";")[0].strip().lower() == JSON.encode():
                return
            raise InvalidInput(
                f"Bad Request. Content-Type should be application/json, and is {value.decode('latin-1')[:100]!r}."
            )
    raise InvalidInput("Bad Request. Content-Type must be 'application/json'.")


_BUSY = failure(
    429,
    "REQUEST_LIMIT_EXCEEDED",
    "The server is busy with as many requests as it takes at once: try again in a moment",
)
