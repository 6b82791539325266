"""One poll of a store's registry for all that watch it in a triggerer: a tick for each look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from airflow.triggers.shared_stream import SharedStreamProducer

if TYPE_CHECKING:
    from airflow.triggers.shared_stream import AdvanceItem

SETTLE_S = 1.0
"""After a change comes another tick soon: by taking it, each watcher says that it is done with the one before."""

_log = logging.getLogger(__name__)


class Tick:
    """One look at the store."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        """Of the registry's newest entries."""
        self._steps: list[tuple[Callable[[str], Awaitable[None]], str]] = []

    def when_stored(self, step: Callable[[str], Awaitable[None]], cursor: str) -> None:
        """What to do once Airflow has stored the events that a watcher made of this tick."""
        self._steps.append((step, cursor))

    async def settle(self) -> None:
        """Do it."""
        steps, self._steps = self._steps, []
        for step, cursor in steps:
            await step(cursor)


class StageStream(SharedStreamProducer):
    """The poll, as Airflow's shared streams drive it."""

    def __init__(self, conn_id: str, poll_interval_s: float) -> None:
        self._conn_id = conn_id
        self._poll_interval_s = poll_interval_s

    async def open_stream(self) -> AsyncIterator[tuple[Tick, Tick]]:
        """Ticks, for ever."""
        async for tick in _looks(self._conn_id, self._poll_interval_s):
            yield tick, tick

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Note how far each watcher was told; not for ticks that one of them failed on, which will be told again."""
        for item in batch:
            if item.outcome.is_clean:
                await item.broker_payload.settle()


async def ticks(conn_id: str, poll_interval_s: float) -> AsyncIterator[Tick]:
    """The same for one watcher alone: a tick is settled when it asks for the next."""
    async for tick in _looks(conn_id, poll_interval_s):
        yield tick
        await tick.settle()


async def _looks(conn_id: str, poll_interval_s: float) -> AsyncIterator[Tick]:
    from airflow_provider_stageline.reaching import open_workspace
    from stageline.errors import StorageFailed

    last = ""
    while True:
        wait_s = poll_interval_s
        try:
            cursor = await asyncio.to_thread(lambda: open_workspace(conn_id).registry.cursor())
        except StorageFailed as error:
            _log.warning("the store does not answer, and is asked again: %s", error)
        else:
            wait_s = poll_interval_s if cursor == last else min(SETTLE_S, poll_interval_s)
            last = cursor
            yield Tick(cursor)
        await asyncio.sleep(wait_s)
