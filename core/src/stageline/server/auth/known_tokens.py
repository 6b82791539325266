"""Tokens that were looked up lately: a request must not wait for the store to know who sends it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import StorageFailed

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from stageline.clock import Clock
    from stageline.server.auth.token import Presented
    from stageline.server.auth.token_store import Kept, Tokens
    from stageline.server.caller import Caller

FRESH_S = 3.0
"""Seconds that a token is taken for what it was; then it is looked up beside the requests that bring it."""
STALE_S = 10.0
"""Seconds after which requests wait for that: so long may a revoked token be of use."""
AWAY_S = 300.0
"""The same while the store does not answer: it must not shut out those who log."""
MOST = 10_000
"""Tokens that are remembered, those that do not exist among them."""


class _Seen(NamedTuple):
    kept: Kept | None
    caller: Caller | None
    at: float


class KnownTokens:
    """For one event loop; the store is asked in `threads`."""

    def __init__(self, tokens: Tokens, clock: Clock, threads: Executor) -> None:
        self._tokens = tokens
        self._clock = clock
        self._threads = threads
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._asked: dict[str, asyncio.Task[_Seen]] = {}

    def recall(self, presented: Presented) -> tuple[bool, Caller | None]:
        """Whether it is known at once who brings the token, and who that is."""
        seen = self._seen.get(presented.token_id)
        age_s = STALE_S if seen is None else time.monotonic() - seen.at
        if seen is None or age_s >= STALE_S:
            return False, None
        if age_s >= FRESH_S:
            self._ask(presented.token_id)
        return True, self._judged(seen, presented)

    async def caller(self, presented: Presented) -> Caller | None:
        """Who brings the token; None if it is none, has expired or was revoked.

        Raises:
            StorageFailed: the store does not answer, and nobody remembers.
        """
        is_known, caller = self.recall(presented)
        if is_known:
            return caller
        try:
            seen = await asyncio.shield(self._ask(presented.token_id))
        except StorageFailed:
            old = self._seen.get(presented.token_id)
            if old is None or time.monotonic() - old.at > AWAY_S:
                raise
            seen = old
        return self._judged(seen, presented)

    async def caller_of_id(self, token_id: str) -> Caller | None:
        """Whose the token is: for what was signed when it had been brought."""
        seen = self._seen.get(token_id)
        if seen is None or time.monotonic() - seen.at >= STALE_S:
            seen = await asyncio.shield(self._ask(token_id))
        return seen.caller if self._stands(seen) else None

    def _judged(self, seen: _Seen, presented: Presented) -> Caller | None:
        if seen.kept is None or not presented.is_of(seen.kept.token):
            return None
        return seen.caller if self._stands(seen) else None

    def _stands(self, seen: _Seen) -> bool:
        if seen.kept is None or seen.kept.revoked is not None:
            return False
        expires = seen.kept.token.expires
        return expires is None or self._clock.now_ms() < expires

    def _ask(self, token_id: str) -> asyncio.Task[_Seen]:
        task = self._asked.get(token_id)
        if task is None:
            task = asyncio.ensure_future(self._look_up(token_id))
            self._asked[token_id] = task
            task.add_done_callback(lambda done: self._asked_and_heard(token_id, done))
        return task

    def _asked_and_heard(self, token_id: str, done: asyncio.Task[_Seen]) -> None:
        self._asked.pop(token_id, None)
        if not done.cancelled():
            done.exception()  # whoever waits is told; where nobody does, the old answer stays

    async def _look_up(self, token_id: str) -> _Seen:
        loop = asyncio.get_running_loop()
        kept = await loop.run_in_executor(self._threads, self._tokens.find, token_id)
        seen = _Seen(kept, None if kept is None else kept.token.caller, time.monotonic())
        self._seen[token_id] = seen
        self._seen.move_to_end(token_id)
        while len(self._seen) > MOST:
            self._seen.popitem(last=False)
        return seen
