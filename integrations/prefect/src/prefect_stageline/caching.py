"""What is recorded of a task whose result Prefect took from its cache: a small run that names the one that made it."""

from __future__ import annotations

import logging
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from prefect.transactions import get_transaction

from prefect_stageline.stores import workspace_of
from stageline import RunStatus, StagelineError, get_workspace
from stageline.tasks import Recording

if TYPE_CHECKING:
    from prefect.client.schemas import State
    from prefect.context import TaskRunContext

    from stageline.tasks import TaskCall

TAG_CACHE_KEY = "stageline.cache_key"
"""Of a run whose result Prefect keeps: what it keeps it under."""
TAG_CACHED = "stageline.cached"
TAG_CACHED_FROM = "stageline.cached_from"
"""Of a run that was spared: the run that made the result."""

_log = logging.getLogger("stageline")


def cache_tags() -> dict[str, str]:
    """Tags by which the run of this task will be found, should its result be used again."""
    transaction = get_transaction()
    if transaction is None or transaction.key is None or not transaction.write_on_commit:
        return {}
    return {TAG_CACHE_KEY: PurePath(transaction.key).name}


def record_cached(call: TaskCall, context: TaskRunContext, state: State[Any]) -> None:
    """Record a run that ended before it began; it has params, but no metrics: those are its producer's."""
    recording = Recording(call, context.parameters)
    recording.begin()
    if recording.run is not None:
        producer = _producer(call, recording.run.experiment_id, state)
        found = {TAG_CACHED_FROM: producer} if producer else {}
        recording.run.set_tags({TAG_CACHED: "true", **found})
    recording.end(RunStatus.FINISHED, None)


def _producer(call: TaskCall, experiment_id: str, state: State[Any]) -> str | None:
    key = getattr(getattr(state.data, "metadata", state.data), "storage_key", None)
    if not key:
        return None
    name = PurePath(key).name.replace("'", "")
    try:
        workspace = (
            get_workspace() if call.tracking.store is None else workspace_of(call.tracking.store)
        )
        made = list(
            workspace.search_runs(
                [experiment_id], f"tags.`{TAG_CACHE_KEY}` = '{name}'", max_results=1
            )
        )
    except StagelineError as error:
        _log.warning("can not find the run that made a cached result: %s", error)
        return None
    return made[0].info.run_id if made else None
