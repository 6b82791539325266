"""Stageline for Prefect: tasks and flows that are recorded as runs."""

from prefect_stageline.blocks import StagelineStore
from prefect_stageline.cards import card_markdown
from prefect_stageline.drift import report_drift
from prefect_stageline.flows import TrackedFlow, tracked_flow
from prefect_stageline.gates import request_transition, require_stage
from prefect_stageline.identity import current_run, run_environment
from prefect_stageline.progress_bar import progress, with_progress
from prefect_stageline.projects import project_flow, run_project, run_step
from prefect_stageline.promotion import promote, rollback
from prefect_stageline.tasks import TrackedTask, tracked_task
from prefect_stageline.triggers import on_drift, on_stage_change, retraining
from prefect_stageline.untouched import track_flow
from stageline.tasks import Tracking

__all__ = [
    "StagelineStore",
    "TrackedFlow",
    "TrackedTask",
    "Tracking",
    "card_markdown",
    "current_run",
    "on_drift",
    "on_stage_change",
    "progress",
    "project_flow",
    "promote",
    "report_drift",
    "request_transition",
    "require_stage",
    "retraining",
    "rollback",
    "run_environment",
    "run_project",
    "run_step",
    "track_flow",
    "tracked_flow",
    "tracked_task",
    "with_progress",
]
