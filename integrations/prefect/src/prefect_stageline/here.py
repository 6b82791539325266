"""From where in Prefect something is done: the store's registry, the run and the page that its history will name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext, TaskRunContext

from prefect_stageline.events import emit_own_transitions
from prefect_stageline.identity import page_of
from prefect_stageline.stores import workspace_of
from stageline import Workspace, active_run, get_workspace

if TYPE_CHECKING:
    from prefect_stageline.stores import Store


def workspace_here(store: Store | None) -> Workspace:
    """The store that is named, or else that of the tracked flow or task that calls, or of the process."""
    return get_workspace() if store is None else workspace_of(store)


def registry_here(store: Store | None, actor: str | None) -> Any:
    """Its registry, where each entry names the run and Prefect's page.

    Not annotated: the registry's class is none of core's public names, the object is.
    """
    emit_own_transitions()
    run = active_run() if store is None else None  # the run of another store would be no help
    return workspace_here(store).registry.acting(
        actor, run_id=run.run_id if run is not None else None, link=_page_here()
    )


def newest_version(registry: Any, model: str, version: int | str | None) -> int:
    """The version that is meant: the newest, if none is named. Raises `NotFound`, `InvalidInput`."""
    if version is None:
        return int(registry.get_by_uri(f"models:/{model}/latest").version)
    return int(registry.get_version(model, version).version)


def _page_here() -> str | None:
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if task is not None:
        return page_of("task-run", task.task_run.id)
    if flow is not None and flow.flow_run is not None:
        return page_of("flow-run", flow.flow_run.id)
    return None
