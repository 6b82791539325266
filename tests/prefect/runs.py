"""Reading what a flow recorded."""

from __future__ import annotations

from stageline import Run
from stageline.workspace import Workspace


def all_runs(workspace: Workspace) -> list[Run]:
    """Every run of the store, as it is recorded."""
    folders = workspace.store.list("runs/", deep=False)
    return [workspace.runs.get(entry.key.split("/")[1]) for entry in folders]


def runs_of(workspace: Workspace, task: str) -> list[Run]:
    """The runs of a task, by its name, in the order of their start."""
    found = [run for run in all_runs(workspace) if run.data.tags.get("stageline.task") == task]
    return sorted(found, key=lambda run: run.data.tags["prefect.task_run_id"])


def run_of(workspace: Workspace, task: str) -> Run:
    """The one run of a task."""
    (run,) = runs_of(workspace, task)
    return run


def flow_run_of(workspace: Workspace, flow: str) -> Run:
    """The one run of a flow."""
    found = [
        run
        for run in all_runs(workspace)
        if run.data.tags.get("stageline.pipeline") == flow and "stageline.task" not in run.data.tags
    ]
    (run,) = found
    return run
