"""What waits for a model's stage in the triggerer: one that resumes a task, and one that starts DAGs.

The triggerer runs all triggers in one event loop, so each call of the store is made in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow.triggers.shared_stream import SharedStreamProducer

    from airflow_provider_stageline.stage_stream import Tick

_PACKAGE = "airflow_provider_stageline.triggers"
WATERMARK = "stageline_cursor"
"""Key in the asset's state store: up to where transitions were told."""
AT_ONCE = 5
"""Transitions that are told of one tick: Airflow takes a watcher for dead that is at it for minutes."""


class ModelStageTrigger(BaseTrigger):
    """Waits until a version is in a stage. Its one event is the version.

    Args:
        model: Name of the registered model; it may not exist yet.
        stage: The stage.
        version: The version that has to be there; None for any.
        newer_than: Only a version with a greater number counts.
        stageline_conn_id: Connection of type `stageline`.
        poll_interval_s: Seconds between two looks.
    """

    def __init__(
        self,
        model: str,
        stage: str,
        version: int | None = None,
        newer_than: int | None = None,
        stageline_conn_id: str = "stageline_default",
        poll_interval_s: float = 30.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.model = model
        self.stage = stage
        self.version = version
        self.newer_than = newer_than
        self.stageline_conn_id = stageline_conn_id
        self.poll_interval_s = poll_interval_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where it is, and what makes it again."""
        names = ("model", "stage", "version", "newer_than", "stageline_conn_id", "poll_interval_s")
        return f"{_PACKAGE}.ModelStageTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is there; a store that does not answer is asked again."""
        from stageline.errors import StorageFailed

        while True:
            try:
                found = await asyncio.to_thread(self.look)
            except StorageFailed as error:
                self.log.warning("the store does not answer, and is asked again: %s", error)
                found = None
            if found is not None:
                yield _event(found)
                return
            await asyncio.sleep(self.poll_interval_s)

    def look(self) -> dict[str, Any] | None:
        """The version that is waited for, if it is there now."""
        from airflow_provider_stageline.reaching import open_workspace, version_values
        from stageline.errors import NotFound

        registry = open_workspace(self.stageline_conn_id).registry
        try:
            versions = registry.versions(self.model)
        except NotFound:  # nobody has registered it yet
            return None
        held = [
            one
            for one in versions
            if one.current_stage.lower() == self.stage.lower()
            and (self.version is None or one.version == self.version)
            and (self.newer_than is None or one.version > self.newer_than)
        ]
        return version_values(held[-1]) if held else None


class ModelStageEventTrigger(BaseEventTrigger):
    """Tells an asset of each transition of a model, whoever made it and wherever: for an `AssetWatcher`.

    All that watch one store share one listing for each interval. How far an asset was told stands in its state store
    (Airflow 3.3 and later) and moves on once Airflow has stored the event: so a triggerer that dies leaves nothing
    out. What it told in its last seconds may be told again, with the same `key`. The first time, it begins with now.

    Args:
        model: Name of the registered model; None for all.
        stages: Only transitions into these; None for all.
        stageline_conn_id: Connection of type `stageline`.
        poll_interval_s: Seconds between two looks at the store.
        spacing_s: Seconds between two events, if there are several at once. Airflow starts one DAG run for all events
            that its scheduler finds together; so each has a run of its own.
    """

    def __init__(
        self,
        model: str | None = None,
        stages: Sequence[str] | None = None,
        stageline_conn_id: str = "stageline_default",
        poll_interval_s: float = 30.0,
        spacing_s: float = 10.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.model = model
        self.stages = None if stages is None else list(stages)
        self.stageline_conn_id = stageline_conn_id
        self.poll_interval_s = poll_interval_s
        self.spacing_s = spacing_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where it is, and what makes it again."""
        names = ("model", "stages", "stageline_conn_id", "poll_interval_s", "spacing_s")
        return f"{_PACKAGE}.ModelStageEventTrigger", {name: getattr(self, name) for name in names}

    # -- sharing one poll -------------------------------------------------------------------------

    def shared_stream_key(self) -> Hashable | None:
        """Who has the same key shares a poll."""
        return "stageline", self.stageline_conn_id, str(self.poll_interval_s)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """The poll."""
        from airflow_provider_stageline.stage_stream import StageStream

        return StageStream(kwargs["stageline_conn_id"], kwargs["poll_interval_s"])

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """A poll of its own, where Airflow shares none (before 3.3)."""
        from airflow_provider_stageline.stage_stream import ticks

        stream = ticks(self.stageline_conn_id, self.poll_interval_s)
        async for event in self.filter_shared_stream(stream):
            yield event

    async def filter_shared_stream(
        self, shared_stream: AsyncIterator[Tick]
    ) -> AsyncIterator[TriggerEvent]:
        """The transitions of this model out of the changes of the store."""
        from stageline.errors import StorageFailed

        told: str | None = None
        looked_at = ""
        is_first = True
        async for tick in shared_stream:
            try:
                if told is None:
                    told = await self._watermark(tick)
                if tick.cursor == looked_at:
                    continue
                events, cursor, is_cut = await asyncio.to_thread(self._since, told)
            except StorageFailed as error:  # the next tick asks again
                self.log.warning("the store does not answer, and is asked again: %s", error)
                continue
            for values in events:
                if not is_first:
                    await asyncio.sleep(self.spacing_s)
                is_first = False
                yield _event(values)
            told, looked_at = cursor, "" if is_cut else tick.cursor
            tick.when_stored(self._remember, told)

    # -- how --------------------------------------------------------------------------------------

    async def _watermark(self, tick: Tick) -> str:
        """Up to where this asset was told; from now on if it never was."""
        state: Any = getattr(self, "asset_state_store", None)
        found = None if state is None else await state.aget(WATERMARK)
        if found is None:
            await self._remember(tick.cursor)
            return tick.cursor
        return str(found)

    async def _remember(self, cursor: str) -> None:
        state: Any = getattr(self, "asset_state_store", None)
        if state is not None:
            await state.aset(WATERMARK, cursor)

    def _since(self, cursor: str) -> tuple[list[dict[str, Any]], str, bool]:
        """The next few transitions that are wanted, up to where they go, and whether there may be more."""
        from airflow_provider_stageline.reaching import open_workspace
        from stageline.tasks import transition_values

        registry = open_workspace(self.stageline_conn_id).registry
        wanted = None if self.stages is None else {stage.lower() for stage in self.stages}
        while True:
            followed = registry.follow(cursor, name=self.model, limit=AT_ONCE)
            events = [
                transition_values(registry, event)
                for event in followed.events
                if wanted is None or event.to_stage.lower() in wanted
            ]
            is_cut = len(followed.events) >= AT_ONCE
            if events or not is_cut:
                return events, followed.cursor, is_cut
            cursor = followed.cursor


def _event(values: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(values)  # type: ignore[no-untyped-call]  # Airflow's
