"""From Prefect's context to what core knows of a task: who it is, where it records, which objects are secrets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.context import FlowRunContext, TaskRunContext
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from stageline import ActiveRun, active_run, chosen_experiment, get_workspace
from stageline.errors import NotFound
from stageline.tasks import PipelineIdentity, TaskIdentity, needed_run
from stageline.tasks import run_environment as variables_of

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

ORCHESTRATOR = "prefect"


def current_run() -> ActiveRun:
    """The run of the tracked task or flow that calls this.

    Raises:
        NotFound: nothing that is tracked is running here.
    """
    return needed_run(active_run(), "a @tracked_task or a @tracked_flow")


def run_environment() -> dict[str, str]:
    """The variables by which a process that the tracked task or flow starts joins its run.

    For `subprocess.run(..., env={**os.environ, **run_environment()})`, or for a container's environment. They hold the
    store's options, and so its credentials, if those were given in code or in this process's own environment.

    Raises:
        NotFound: nothing that is tracked is running here.
    """
    return variables_of(current_run(), get_workspace(), chosen_experiment())


def task_identity(context: TaskRunContext) -> TaskIdentity:
    """The task run of `context`; each of Prefect's retries is an attempt of it."""
    run = context.task_run
    flow = FlowRunContext.get()
    run_id = str(run.id)
    return TaskIdentity(
        orchestrator=ORCHESTRATOR,
        pipeline=flow.flow.name if flow is not None and flow.flow is not None else "",
        pipeline_run=str(run.flow_run_id) if run.flow_run_id else None,
        task=context.task.name,
        task_run=run_id,
        attempt=max(run.run_count, 1),
        display_name=run.name,
        links=_links("task-run", run_id),
    )


def flow_identity(context: FlowRunContext, parent_flow_run: str | None) -> PipelineIdentity:
    """The flow run of `context`, which must have one."""
    run = flow_run_of(context)
    run_id = str(run.id)
    return PipelineIdentity(
        orchestrator=ORCHESTRATOR,
        pipeline=context.flow.name if context.flow is not None else "",
        pipeline_run=run_id,
        parent_pipeline_run=parent_flow_run,
        attempt=max(run.run_count, 1),
        display_name=run.name,
        links=_links("flow-run", run_id),
    )


def flow_run_of(context: FlowRunContext) -> FlowRun:
    """The flow run of `context`. Raises `NotFound` if it has none, as while a flow is only drawn."""
    if context.flow_run is None:
        raise NotFound("there is no flow run here")
    return context.flow_run


def task_tags(context: TaskRunContext) -> dict[str, str]:
    """Prefect's ids, by which its runs and ours find each other."""
    run = context.task_run
    ids = {"prefect.task_run_id": str(run.id), "prefect.task_key": context.task.task_key}
    return {**ids, "prefect.flow_run_id": str(run.flow_run_id)} if run.flow_run_id else ids


def flow_tags(run: FlowRun) -> dict[str, str]:
    """Prefect's ids of a flow run."""
    ids = {"prefect.flow_run_id": str(run.id)}
    return {**ids, "prefect.deployment_id": str(run.deployment_id)} if run.deployment_id else ids


def secret_texts(value: Any) -> Iterable[str] | None:
    """The secrets in a block; no block is shown, since it is there to hold credentials."""
    if not isinstance(value, Block):
        return None
    return [
        text
        for field in type(value).model_fields
        for text in _revealed(getattr(value, field, None))
    ]


def _revealed(value: Any) -> list[str]:
    return list(_leaves(value.get_secret_value())) if hasattr(value, "get_secret_value") else []


def _leaves(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part)
    else:
        yield str(value)


def page_of(kind: str, run_id: UUID | str) -> str | None:
    """Prefect's page of a `flow-run` or a `task-run`; None where it has no UI."""
    url = _page_of_nobody(kind, get_current_settings().ui_url)
    return None if url is None else url.replace(_NOBODY, str(run_id))


def _links(kind: str, run_id: str) -> dict[str, str]:
    url = page_of(kind, run_id)
    return {} if url is None else {"prefect": url}


_NOBODY = str(UUID(int=0))


# To ask Prefect for each page costs as much as to open the run's log.
@lru_cache(maxsize=16)
def _page_of_nobody(kind: str, ui_url: str | None) -> str | None:
    return url_for(kind, obj_id=UUID(_NOBODY))
