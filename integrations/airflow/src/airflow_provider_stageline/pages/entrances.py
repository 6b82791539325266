"""From what Airflow's tabs name, a DAG run or a task instance, to the page of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_stageline.generations import last_run_of
from airflow_provider_stageline.identity import dag_run_identity, dag_run_ids
from airflow_provider_stageline.pages.addresses import DAG_RUN, TASK_INSTANCE
from stageline.errors import InvalidInput, NotAllowed, NotFound

if TYPE_CHECKING:
    from stageline import Guest, Workspace

Entrance = Callable[[Mapping[str, str], "Guest"], str]


def entrances_of(workspace: Workspace) -> dict[str, Entrance]:
    """By their path below the mount."""

    def dag_run(query: Mapping[str, str], guest: Guest) -> str:
        dag_id, run_id = _named(query, "dag_id", "run_id")
        _check(guest, dag_id, run_id)
        found = dag_run_identity(dag_id, run_id).run_id
        try:
            workspace.runs.get(found)
        except NotFound as error:
            raise NotFound(
                f"Nothing is recorded of this run of {dag_id}: none of its tasks is tracked, or none has begun. "
                f"{_HOW}"
            ) from error
        return f"/lineage?of={quote(found, safe='')}"

    def task_instance(query: Mapping[str, str], guest: Guest) -> str:
        dag_id, run_id, task_id = _named(query, "dag_id", "run_id", "task_id")
        _check(guest, dag_id, run_id)
        index = query.get("map_index", "")
        map_index = int(index) if index.isascii() and index.isdigit() and len(index) < 10 else -1
        found = last_run_of(workspace, dag_id, run_id, task_id, map_index)
        if found is None:
            raise NotFound(
                f"Nothing is recorded of this instance of {task_id}: the task has not begun, is not tracked, or logs "
                f"to the run of its DAG run (`nest='join'`). {_HOW}"
            )
        return f"/runs/{quote(found, safe='')}"

    return {DAG_RUN: dag_run, TASK_INSTANCE: task_instance}


_HOW = "Tasks are tracked by @task.stageline, by @tracked_task, or all of them by the setting [stageline] track_all."


def _check(guest: Guest, dag_id: str, run_id: str) -> None:
    # The page that is meant judges again; here it is about what is not there.
    if guest.may_all("read", of="experiments"):
        return
    if guest.reads_run is None or not guest.reads_run(dag_run_ids(dag_id, run_id)):
        raise NotAllowed(f"{guest.name} has no right to read the runs of the DAG {dag_id}")


def _named(query: Mapping[str, str], *names: str) -> list[str]:
    missing = [name for name in names if not query.get(name)]
    if missing:
        raise InvalidInput(
            f"this address should name {', '.join(missing)}: open the tab of a DAG run or of a task"
        )
    return [query[name] for name in names]
