"""Stageline for Prefect: tasks and flows that are recorded as runs."""

from prefect_stageline.flows import TrackedFlow, tracked_flow
from prefect_stageline.identity import current_run
from prefect_stageline.tasks import TrackedTask, tracked_task
from stageline.tasks import Tracking

__all__ = [
    "TrackedFlow",
    "TrackedTask",
    "Tracking",
    "current_run",
    "tracked_flow",
    "tracked_task",
]
