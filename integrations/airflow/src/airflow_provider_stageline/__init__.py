"""Stageline for Airflow: tasks that are recorded as runs.

The names below are loaded when they are first used: a DAG file is parsed over and over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_stageline.hooks import StagelineHook
    from airflow_provider_stageline.tasks import current_run, run_environment, tracked_task
    from stageline.tasks import Tracking

_ROOMS = {
    "StagelineHook": "airflow_provider_stageline.hooks",
    "Tracking": "stageline.tasks",
    "current_run": "airflow_provider_stageline.tasks",
    "run_environment": "airflow_provider_stageline.tasks",
    "tracked_task": "airflow_provider_stageline.tasks",
}

__all__ = ["StagelineHook", "Tracking", "current_run", "run_environment", "tracked_task"]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'airflow_provider_stageline' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
