"""From Airflow's context to what core knows of a task: who it is, what its exceptions mean, what is secret in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

from stageline.tasks import ErrorMeaning, PipelineIdentity, TaskIdentity

if TYPE_CHECKING:
    from airflow.sdk import Context

ORCHESTRATOR = "airflow"

CONTEXT_KEYS = frozenset(KNOWN_CONTEXT_KEYS)
"""Arguments that Airflow passes to whoever names them; nobody chose them, so they are no params."""


def task_identity(context: Context, generation: int = 0) -> TaskIdentity:
    """The task instance of `context`; each try is an attempt of it, also after it was cleared.

    Args:
        context: Airflow's.
        generation: How often it was cleared and then ran with other code or params: each time is a run of its own.
    """
    ti: Any = context["ti"]
    found = task_instance_identity(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, generation)
    return replace(found, attempt=max(ti.try_number, 1), links=_links(ti))


def task_instance_identity(
    dag_id: str, run_id: str, task_id: str, map_index: int | None, generation: int = 0
) -> TaskIdentity:
    """The same, from Airflow's ids alone; for whoever asks about a task that runs elsewhere."""
    index = None if map_index is None or map_index < 0 else map_index
    pipeline_run = pipeline_run_of(dag_id, run_id)
    again = f"{pipeline_run}/{task_id}/{map_index}#{generation}" if generation else None
    return TaskIdentity(
        orchestrator=ORCHESTRATOR,
        pipeline=dag_id,
        pipeline_run=pipeline_run,
        task=task_id,
        task_run=again,
        index=index,
        display_name=task_id if index is None else f"{task_id} [{index}]",
    )


def dag_run_identity(
    dag_id: str, run_id: str, *, clear_number: int = 0, links: Mapping[str, str] | None = None
) -> PipelineIdentity:
    """A DAG run; it is another attempt each time that it goes on because something of it was cleared."""
    return PipelineIdentity(
        orchestrator=ORCHESTRATOR,
        pipeline=dag_id,
        pipeline_run=pipeline_run_of(dag_id, run_id),
        attempt=clear_number + 1,
        display_name=f"{dag_id} {run_id}",
        links=links or {},
    )


def pipeline_run_of(dag_id: str, run_id: str) -> str:
    """What tells a DAG run from all others: those of other Airflows in the same store only by `[stageline] name`."""
    name = _installation()
    return f"{name}:{dag_id}/{run_id}" if name else f"{dag_id}/{run_id}"


@lru_cache(maxsize=1)
def _installation() -> str:
    from airflow.providers.common.compat.sdk import conf

    return str(conf.get("stageline", "name", fallback=""))


def task_tags(context: Context) -> dict[str, str]:
    """Airflow's ids, by which its task instances and our runs find each other."""
    ti: Any = context["ti"]
    dag_run: Any = context.get("dag_run")
    task: Any = context.get("task")
    bundle = getattr(ti, "bundle_instance", None)
    tags = {
        "airflow.dag_id": ti.dag_id,
        "airflow.run_id": ti.run_id,
        "airflow.task_id": ti.task_id,
        "airflow.run_type": _text(getattr(dag_run, "run_type", "")),
        "airflow.operator": str(getattr(task, "operator_name", "") or type(task).__name__),
        "airflow.owner": str(getattr(task, "owner", "")),
        "airflow.bundle": str(getattr(bundle, "name", "") or ""),
        "airflow.bundle_version": str(getattr(bundle, "version", "") or ""),
    }
    if ti.map_index is not None and ti.map_index >= 0:
        tags["airflow.map_index"] = str(ti.map_index)
    return {key: value for key, value in tags.items() if value}


def dag_run_tags(context: Context) -> dict[str, str]:
    """Airflow's ids of the DAG run, and what started it."""
    ti: Any = context["ti"]
    dag_run: Any = context.get("dag_run")
    assets = [
        str(getattr(event.asset, "name", event.asset))
        for event in getattr(dag_run, "consumed_asset_events", ())
    ]
    tags = {
        "airflow.dag_id": ti.dag_id,
        "airflow.run_id": ti.run_id,
        "airflow.run_type": _text(getattr(dag_run, "run_type", "")),
        "airflow.triggered_by_assets": ", ".join(dict.fromkeys(assets)),
    }
    return {key: value for key, value in tags.items() if value}


def dag_run_ids(dag_id: str, run_id: str) -> dict[str, str]:
    """The tags by which `is_of_dag_run` knows a run of this DAG run."""
    identity = dag_run_identity(dag_id, run_id)
    return {"airflow.dag_id": dag_id, "airflow.run_id": run_id, **identity.tags()}


def is_of_dag_run(tags: Mapping[str, str]) -> bool:
    """Whether these are tags of a run that a DAG run of this Airflow made."""
    dag_id, run_id = tags.get("airflow.dag_id"), tags.get("airflow.run_id")
    if not dag_id or not run_id:
        return False
    return all(tags.get(key) == value for key, value in dag_run_ids(dag_id, run_id).items())


def dag_run_link(log_url: str | None) -> dict[str, str]:
    """The page of the DAG run, from that of one of its tasks."""
    page, separator, _ = (log_url or "").partition("/tasks/")
    return {"airflow": page} if separator else {}


def meaning_of(error: BaseException) -> ErrorMeaning | None:
    """What an exception means to Airflow."""
    for kind in type(error).__mro__:
        if kind.__name__ in _MEANINGS and kind.__module__.startswith("airflow."):
            return _MEANINGS[kind.__name__]
    return None


# By name: not all of them are there in every Airflow.
_MEANINGS = {
    "TaskDeferred": ErrorMeaning.PAUSED,
    "TaskAwaitingInput": ErrorMeaning.PAUSED,
    "AirflowRescheduleException": ErrorMeaning.PAUSED,
    "AirflowSkipException": ErrorMeaning.SKIPPED,
    "DownstreamTasksSkipped": ErrorMeaning.DONE,
    "DagRunTriggerException": ErrorMeaning.DONE,
    "AirflowFailException": ErrorMeaning.FATAL,
    "AirflowSensorTimeout": ErrorMeaning.FATAL,
    "AirflowTaskTimeout": ErrorMeaning.FAILED,
}


def secret_texts(value: Any) -> Iterable[str] | None:
    """The secrets in a connection, which is not shown at all; and a text in which Airflow knows of a secret."""
    if isinstance(value, str):
        return [value] if _masked_by_airflow()(value) != value else None
    if not isinstance(value, Connection):
        return None
    extra = value.extra_dejson if value.extra else {}
    return [text for text in (value.password, value.extra, *map(str, extra.values())) if text]


@lru_cache(maxsize=1)
def _masked_by_airflow() -> Callable[[str], object]:
    """What Airflow's logs show of a text: variables, connections and `mask_secret` have told it what is secret."""
    from airflow.sdk import log

    shown: Callable[[str], object] = getattr(log, "redact", str)
    return shown


def _links(ti: Any) -> dict[str, str]:
    page = getattr(ti, "log_url", None)
    return {"airflow": page} if page else {}


def _text(value: Any) -> str:
    return str(getattr(value, "value", value) or "")
