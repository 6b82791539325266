"""Stageline for Prefect: tasks and flows that are recorded as runs."""

from prefect_stageline.flows import TrackedFlow, tracked_flow
from prefect_stageline.identity import current_run, run_environment
from prefect_stageline.tasks import TrackedTask, tracked_task
from prefect_stageline.untouched import track_flow
from stageline.tasks import Tracking

__all__ = [
    "TrackedFlow",
    "TrackedTask",
    "Tracking",
    "current_run",
    "run_environment",
    "track_flow",
    "tracked_flow",
    "tracked_task",
]
