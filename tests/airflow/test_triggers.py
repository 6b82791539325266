"""Triggers in an event loop, against a store in a folder; those that share a poll by Airflow's own shared streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from airflow.triggers.shared_stream import SharedStreamManager

from airflow_provider_stageline.triggers import (
    WATERMARK,
    ModelStageEventTrigger,
    ModelStageTrigger,
)
from stageline.workspace import Workspace

WITHIN_S = 60.0
POLL_S = 0.02


@pytest.fixture(autouse=True)
def connection(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"conn_type": "stageline", "host": str(workspace.store.url)}
    monkeypatch.setenv("AIRFLOW_CONN_STAGELINE_DEFAULT", json.dumps(told))


@pytest.fixture
def registry(workspace: Workspace) -> Any:
    for name in ("wine", "line"):
        for number in (1, 2):
            workspace.registry.register(name, source=f"s3://models/{name}/{number}")
    return workspace.registry


class State(dict[str, Any]):
    """An asset's state store."""

    async def aget(self, key: str) -> Any:
        return self.get(key)

    async def aset(self, key: str, value: Any) -> None:
        self[key] = value


class Triggerer:
    """Runs triggers as Airflow's does: it subscribes them, takes their events, and says which it has stored."""

    def __init__(self, *, stores: bool = True) -> None:
        self.manager = SharedStreamManager()
        self.events: list[Any] = []
        self._stores = stores
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, trigger: ModelStageEventTrigger, state: State | None = None) -> None:
        trigger.asset_state_store = State() if state is None else state  # type: ignore[assignment]
        self._tasks.append(asyncio.create_task(self._run(len(self._tasks), trigger)))

    async def _run(self, number: int, trigger: ModelStageEventTrigger) -> None:
        key = trigger.shared_stream_key()
        assert key is not None
        stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        try:
            async for event in trigger.filter_shared_stream(stream):
                seq = self.manager.bind_pending_event(trigger_id=number, key=key)
                self.events.append(event.payload)
                if self._stores and seq is not None:
                    self.manager.confirm_persisted([seq])
        finally:
            await self.manager.unsubscribe(number, key)

    async def got(self, count: int) -> list[Any]:
        await until(lambda: self.failed() or len(self.events) >= count)
        return self.events

    def failed(self) -> bool:
        for task in self._tasks:
            if task.done():
                task.result()
        return False

    async def die(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.manager.stop_all()


@asynccontextmanager
async def triggerer(*, stores: bool = True) -> AsyncIterator[Triggerer]:
    made = Triggerer(stores=stores)
    try:
        yield made
    finally:
        await made.die()


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)


def watch(model: str | None = None, *stages: str) -> ModelStageEventTrigger:
    return ModelStageEventTrigger(model, stages or None, poll_interval_s=POLL_S, spacing_s=0.0)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def in_thread(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(work, *args, **kwargs)


def test_a_stage_is_waited_for(registry):
    async def scenario() -> None:
        trigger = ModelStageTrigger("wine", "production", newer_than=1, poll_interval_s=POLL_S)
        registry.transition("wine", 1, "Production")
        assert trigger.look() is None
        waiting = asyncio.create_task(anext(trigger.run()))
        await in_thread(registry.transition, "wine", 2, "Production")
        event = await asyncio.wait_for(waiting, WITHIN_S)
        assert (event.payload["model"], event.payload["version"]) == ("wine", 2)

    run(scenario())


def test_a_model_that_nobody_has_registered_is_waited_for_too(workspace):
    assert ModelStageTrigger("unborn", "Production").look() is None


def test_a_transition_is_told_with_all_that_is_known_of_it(registry):
    async def scenario() -> None:
        state = State()
        async with triggerer() as one:
            one.start(watch("wine", "Production"), state)
            await until(lambda: WATERMARK in state)
            await in_thread(registry.transition, "wine", 1, "Staging")
            await in_thread(
                registry.transition, "wine", 1, "Production", reason="good", actor="ann"
            )
            (told,) = await one.got(1)
        wanted = {"model": "wine", "version": 1, "from_stage": "Staging", "stage": "Production"}
        assert told.items() >= {**wanted, "actor": "ann", "reason": "good"}.items()
        assert json.loads(json.dumps(told)) == told

    run(scenario())


def test_all_that_watch_a_store_share_one_poll(registry, monkeypatch):
    polls: list[Any] = []
    plain = ModelStageEventTrigger.create_shared_stream_producer.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        ModelStageEventTrigger,
        "create_shared_stream_producer",
        classmethod(lambda cls, kwargs: polls.append(kwargs) or plain(cls, kwargs)),
    )

    async def scenario() -> None:
        states = [State() for _ in range(3)]
        async with triggerer() as one:
            for trigger, state in zip((watch("wine"), watch("line"), watch()), states, strict=True):
                one.start(trigger, state)
            await until(lambda: all(WATERMARK in state for state in states))
            await in_thread(registry.transition, "wine", 1, "Production")
            await in_thread(registry.transition, "line", 2, "Staging")
            told = await one.got(4)
        assert sorted(event["model"] for event in told) == ["line", "line", "wine", "wine"]
        assert len({event["key"] for event in told}) == 2

    run(scenario())
    assert len(polls) == 1


def test_what_happens_while_no_triggerer_runs_is_told_by_the_next_one_and_nothing_twice(registry):
    async def scenario() -> None:
        state = State()
        async with triggerer() as first:
            first.start(watch("wine"), state)
            await until(lambda: WATERMARK in state)
            before = state[WATERMARK]
            await in_thread(registry.transition, "wine", 1, "Staging")
            await first.got(1)
            await until(lambda: state[WATERMARK] != before)
        registry.transition("wine", 1, "Production")
        registry.transition("wine", 2, "Staging")
        left = state[WATERMARK]
        async with triggerer() as second:
            second.start(watch("wine"), state)
            told = await second.got(2)
            await until(lambda: state[WATERMARK] != left)
            assert len(second.events) == 2
        assert [(event["version"], event["stage"]) for event in told] == [
            (1, "Production"),
            (2, "Staging"),
        ]

    run(scenario())


def test_an_event_that_airflow_has_not_stored_is_told_again_with_the_same_key(registry):
    async def scenario() -> None:
        state, other = State(), State()
        async with triggerer(stores=False) as first:
            first.start(watch("wine"), state)
            await until(lambda: WATERMARK in state)
            first.start(watch("line"), other)
            await until(lambda: WATERMARK in other)
            await in_thread(registry.transition, "wine", 1, "Staging")
            (lost,) = list(await first.got(1))
            await in_thread(registry.transition, "line", 1, "Staging")  # takes another tick
            await first.got(2)
        async with triggerer() as second:
            second.start(watch("wine"), state)
            (told,) = await second.got(1)
        assert told == lost

    run(scenario())


def test_a_long_absence_is_made_up_for_in_order(registry):
    async def scenario() -> None:
        state = State()
        async with triggerer() as first:
            first.start(watch("wine", "Production"), state)
            await until(lambda: WATERMARK in state)
        for _ in range(12):
            for number in (1, 2):
                registry.transition("wine", number, "Production", archive_existing=True)
        async with triggerer() as second:
            second.start(watch("wine", "Production"), state)
            told = await second.got(24)
        assert [event["version"] for event in told] == [1, 2] * 12
        assert len({event["key"] for event in told}) == 24

    run(scenario())


def test_where_airflow_shares_no_streams_a_trigger_polls_by_itself(registry):
    async def scenario() -> None:
        trigger = watch("wine")
        state = trigger.asset_state_store = State()  # type: ignore[assignment]
        waiting = asyncio.create_task(anext(trigger.run()))
        await until(lambda: WATERMARK in state)
        await in_thread(registry.transition, "wine", 1, "Staging")
        assert (await asyncio.wait_for(waiting, WITHIN_S)).payload["stage"] == "Staging"

    run(scenario())


def test_a_store_that_is_away_for_a_while_stops_no_watcher(registry, monkeypatch):
    from airflow_provider_stageline import reaching
    from stageline.errors import StorageFailed

    plain, fails = reaching.open_workspace, [3]

    def flaky(conn_id: str) -> Workspace:
        if fails[0]:
            fails[0] -= 1
            raise StorageFailed("away")
        return plain(conn_id)

    monkeypatch.setattr(reaching, "open_workspace", flaky)

    async def scenario() -> None:
        state = State()
        async with triggerer() as one:
            one.start(watch("wine"), state)
            await until(lambda: WATERMARK in state)
            fails[0] = 3
            await in_thread(registry.transition, "wine", 1, "Staging")
            assert len(await one.got(1)) == 1

    run(scenario())
    assert fails == [0]
