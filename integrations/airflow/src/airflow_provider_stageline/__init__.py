"""Stageline for Airflow: tasks that are recorded as runs.

The names below are loaded when they are first used: a DAG file is parsed over and over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_stageline.assets import dataset_asset, model_asset, transitions_of
    from airflow_provider_stageline.hooks import StagelineHook
    from airflow_provider_stageline.retraining import retraining_dag
    from airflow_provider_stageline.sensors import ModelStageSensor
    from airflow_provider_stageline.tasks import current_run, run_environment, tracked_task
    from stageline.tasks import Tracking

_ROOMS = {
    "ModelStageSensor": "airflow_provider_stageline.sensors",
    "StagelineHook": "airflow_provider_stageline.hooks",
    "Tracking": "stageline.tasks",
    "current_run": "airflow_provider_stageline.tasks",
    "dataset_asset": "airflow_provider_stageline.assets",
    "model_asset": "airflow_provider_stageline.assets",
    "retraining_dag": "airflow_provider_stageline.retraining",
    "run_environment": "airflow_provider_stageline.tasks",
    "tracked_task": "airflow_provider_stageline.tasks",
    "transitions_of": "airflow_provider_stageline.assets",
}

__all__ = [
    "ModelStageSensor",
    "StagelineHook",
    "Tracking",
    "current_run",
    "dataset_asset",
    "model_asset",
    "retraining_dag",
    "run_environment",
    "tracked_task",
    "transitions_of",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'airflow_provider_stageline' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
