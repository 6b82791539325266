"""Experiments and runs in the shapes of MLflow's JSON."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from stageline.domain.logged_model import inputs_in, outputs_in, without_links
from stageline.domain.run import MetricPoint

if TYPE_CHECKING:
    from stageline.domain.experiment import Experiment
    from stageline.domain.run import DatasetInput, Run, RunInfo
    from stageline.server.replica import Replica

Shape = dict[str, Any]


def number(value: float) -> float | str:
    """JSON has no word for those that are not finite; protobuf spells them so."""
    if isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def metric_shape(point: MetricPoint) -> Shape:
    """A point."""
    return {
        "key": point.key,
        "value": number(point.value),
        "timestamp": point.timestamp,
        "step": point.step,
    }


def pairs(given: dict[str, str]) -> list[Shape]:
    """Tags or params."""
    return [{"key": key, "value": value} for key, value in given.items()]


def experiment_shape(replica: Replica, experiment: Experiment) -> Shape:
    """An experiment."""
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": experiment_location(replica, experiment),
        "lifecycle_stage": str(experiment.lifecycle_stage),
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "tags": pairs(experiment.tags),
    }


def experiment_location(replica: Replica, experiment: Experiment) -> str:
    """Where the experiment's artifacts are told to lie."""
    return experiment.artifact_location or f"mlflow-artifacts:/{experiment.experiment_id}"


def artifact_uri(replica: Replica, run: RunInfo) -> str:
    """Where a client finds the run's files: through this server, or where they lie."""
    if replica.options.artifacts == "direct":
        return run.artifact_uri
    return run_files_uri(run.experiment_id, run.run_id)


def run_files_uri(experiment_id: str, run_id: str, path: str = "") -> str:
    """Where a client finds a run's files through this server."""
    return f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts{'/' if path else ''}{path}"


def model_files_uri(experiment_id: str, model_id: str) -> str:
    """Where a client finds a logged model's files through this server."""
    return f"mlflow-artifacts:/{experiment_id}/models/{model_id}/artifacts"


def info_shape(replica: Replica, info: RunInfo) -> Shape:
    """What is true of a run whatever it measures."""
    shape: Shape = {
        "run_id": info.run_id,
        "run_uuid": info.run_id,
        "run_name": info.run_name,
        "experiment_id": info.experiment_id,
        "user_id": info.user_id,
        "status": str(info.status),
        "start_time": info.start_time,
        "artifact_uri": artifact_uri(replica, info),
        "lifecycle_stage": str(info.lifecycle_stage),
    }
    if info.end_time is not None:
        shape["end_time"] = info.end_time
    return shape


def run_shape(replica: Replica, run: Run) -> Shape:
    """A run; the tags that tie it to logged models are its inputs and outputs."""
    tags = run.data.tags
    return {
        "info": info_shape(replica, run.info),
        "data": {
            "metrics": [metric_shape(point) for point in run.metrics.values()],
            "params": pairs(run.data.params),
            "tags": pairs(without_links(tags)),
        },
        "inputs": {
            "dataset_inputs": [dataset_shape(given) for given in run.inputs.dataset_inputs],
            "model_inputs": [{"model_id": model_id} for model_id in inputs_in(tags)],
        },
        "outputs": {
            "model_outputs": [
                {"model_id": model_id, "step": step} for model_id, step in outputs_in(tags).items()
            ]
        },
    }


def dataset_shape(given: DatasetInput) -> Shape:
    """A dataset, and in what role it was read."""
    ref = given.dataset
    dataset: Shape = {
        "name": ref.name,
        "digest": ref.digest,
        "source_type": ref.source_type,
        "source": ref.source,
    }
    for name, value in (("schema", ref.schema), ("profile", ref.profile)):
        if value is not None:
            dataset[name] = value
    return {"tags": pairs(given.tags), "dataset": dataset}
