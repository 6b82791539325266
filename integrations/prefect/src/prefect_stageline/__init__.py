"""Stageline for Prefect: tasks and flows that are recorded as runs."""

from prefect_stageline.blocks import StagelineStore
from prefect_stageline.flows import TrackedFlow, tracked_flow
from prefect_stageline.gates import request_transition, require_stage
from prefect_stageline.identity import current_run, run_environment
from prefect_stageline.projects import project_flow, run_project, run_step
from prefect_stageline.promotion import promote, rollback
from prefect_stageline.tasks import TrackedTask, tracked_task
from prefect_stageline.untouched import track_flow
from stageline.tasks import Tracking

__all__ = [
    "StagelineStore",
    "TrackedFlow",
    "TrackedTask",
    "Tracking",
    "current_run",
    "project_flow",
    "promote",
    "request_transition",
    "require_stage",
    "rollback",
    "run_environment",
    "run_project",
    "run_step",
    "track_flow",
    "tracked_flow",
    "tracked_task",
]
