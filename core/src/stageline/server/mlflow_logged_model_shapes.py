"""Logged models in the shapes of MLflow's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.logged_model import LoggedModelStatus
from stageline.server.mlflow_shapes import Shape, model_files_uri, number, pairs

if TYPE_CHECKING:
    from stageline.domain.logged_model import LoggedModel, ModelMetric
    from stageline.server.replica import Replica

STATUSES = {
    "LOGGED_MODEL_PENDING": LoggedModelStatus.PENDING,
    "LOGGED_MODEL_READY": LoggedModelStatus.READY,
    "LOGGED_MODEL_UPLOAD_FAILED": LoggedModelStatus.FAILED,
}
"""As protobuf names them, in the order of its numbers, from 1."""
_NAMES = {status: name for name, status in STATUSES.items()}


def logged_model_shape(replica: Replica, model: LoggedModel) -> Shape:
    """A logged model, with what runs measured of it."""
    info: Shape = {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.creation_timestamp,
        "last_updated_timestamp_ms": model.last_updated_timestamp,
        "artifact_uri": logged_model_uri(replica, model),
        "status": _NAMES[model.status],
        "model_type": model.model_type or "",
        "source_run_id": model.source_run_id or "",
    }
    if model.status_message:
        info["status_message"] = model.status_message
    if model.tags:
        info["tags"] = pairs(model.tags)
    data: Shape = {}
    if model.params:
        data["params"] = pairs(model.params)
    if model.metrics:
        data["metrics"] = [_metric_shape(model.model_id, one) for one in model.metrics]
    return {"info": info, "data": data}


def logged_model_uri(replica: Replica, model: LoggedModel) -> str:
    """Where a client finds the model's files: through this server, or where they lie."""
    if replica.options.artifacts == "direct":
        return replica.workspace.logged_models.artifact_uri(model)
    return model_files_uri(model.experiment_id, model.model_id)


def _metric_shape(model_id: str, metric: ModelMetric) -> Shape:
    shape: Shape = {
        "key": metric.key,
        "value": number(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
        "model_id": model_id,
        "run_id": metric.run_id,
    }
    if metric.dataset_name:
        shape["dataset_name"] = metric.dataset_name
        shape["dataset_digest"] = metric.dataset_digest or ""
    return shape
