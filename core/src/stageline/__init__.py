"""Stageline: ML tracking, projects, models and a gated registry in your own bucket or folder.

The names below are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.domain.run import DatasetInput, DatasetRef, MetricPoint, Run, RunStatus, ViewType
    from stageline.errors import StagelineError
    from stageline.fluent import (
        activated,
        active_run,
        autolog,
        chosen_experiment,
        collect_batches,
        create_experiment,
        delete_experiment,
        delete_run,
        delete_tag,
        download_artifacts,
        end_run,
        get_artifact_uri,
        get_experiment,
        get_experiment_by_name,
        get_parent_run,
        get_run,
        get_store,
        get_workspace,
        list_artifacts,
        load_model,
        log_artifact,
        log_artifacts,
        log_batch,
        log_dict,
        log_figure,
        log_image,
        log_input,
        log_metric,
        log_metrics,
        log_model,
        log_param,
        log_params,
        log_table,
        log_text,
        plan_batches,
        predict_part,
        search_experiments,
        search_runs,
        set_experiment,
        set_experiment_tag,
        set_store,
        set_tag,
        set_tags,
        spark_udf,
        start_run,
    )
    from stageline.fluent.projects import run
    from stageline.models.signature import ModelSignature, infer_signature
    from stageline.tracking.active import ActiveRun
    from stageline.ui.framed import pages_app
    from stageline.ui.guest import Guest
    from stageline.workspace import Workspace

_FLUENT = "stageline.fluent"
_ROOMS: dict[str, str] = {
    "ActiveRun": "stageline.tracking.active",
    "DatasetInput": "stageline.domain.run",
    "DatasetRef": "stageline.domain.run",
    "Guest": "stageline.ui.guest",
    "MetricPoint": "stageline.domain.run",
    "ModelSignature": "stageline.models.signature",
    "Run": "stageline.domain.run",
    "RunStatus": "stageline.domain.run",
    "StagelineError": "stageline.errors",
    "ViewType": "stageline.domain.run",
    "Workspace": "stageline.workspace",
    "infer_signature": "stageline.models.signature",
    "pages_app": "stageline.ui.framed",
    "run": "stageline.fluent.projects",
}

__all__ = [
    "ActiveRun",
    "DatasetInput",
    "DatasetRef",
    "Guest",
    "MetricPoint",
    "ModelSignature",
    "Run",
    "RunStatus",
    "StagelineError",
    "ViewType",
    "Workspace",
    "activated",
    "active_run",
    "autolog",
    "chosen_experiment",
    "collect_batches",
    "create_experiment",
    "delete_experiment",
    "delete_run",
    "delete_tag",
    "download_artifacts",
    "end_run",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_parent_run",
    "get_run",
    "get_store",
    "get_workspace",
    "infer_signature",
    "list_artifacts",
    "load_model",
    "log_artifact",
    "log_artifacts",
    "log_batch",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "pages_app",
    "plan_batches",
    "predict_part",
    "run",
    "search_experiments",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_store",
    "set_tag",
    "set_tags",
    "spark_udf",
    "start_run",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "projects":
        return import_module("stageline.projects")
    if name not in __all__:
        raise AttributeError(f"module 'stageline' has no attribute {name!r}")
    value = getattr(import_module(_ROOMS.get(name, _FLUENT)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
