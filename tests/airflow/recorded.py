"""What the runs of a test's store say."""

from __future__ import annotations

from typing import Any

from stageline.domain.run import Run
from stageline.workspace import Workspace

HEAD = """
import os, subprocess, sys
from pathlib import Path
from airflow.sdk import dag, task, get_current_context, setup, teardown
from airflow_provider_stageline import Tracking, tracked_task, current_run
import stageline
"""
"""How the DAG files of tests begin."""


def runs_of(workspace: Workspace, task: str | None = None) -> list[Run]:
    """The runs of a task, or all, by index and time."""
    ids = [one.experiment_id for one in workspace.search_experiments()]
    found = [workspace.runs.get(run.info.run_id) for run in workspace.search_runs(ids)]
    if task is not None:
        found = [run for run in found if run.data.tags.get("stageline.task") == task]
    return sorted(found, key=lambda run: (int(_tag(run, "task_index") or 0), run.info.start_time))


def run_of(workspace: Workspace, task: str) -> Run:
    """The only run of a task."""
    (found,) = runs_of(workspace, task)
    return found


def parent_of(workspace: Workspace) -> Run:
    """The only run of a DAG run."""
    (found,) = [run for run in runs_of(workspace) if not _tag(run, "task")]
    return found


def attempts(run: Run) -> list[tuple[int, str]]:
    """Number and status of each attempt."""
    return [(one.number, str(one.status)) for one in run.attempts]


def _tag(run: Any, name: str) -> str:
    return str(run.data.tags.get(f"stageline.{name}", ""))
