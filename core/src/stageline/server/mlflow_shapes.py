"""Experiments and runs in the shapes of MLflow's JSON."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from stageline.domain.model_input import MODEL_SOURCE_TYPE
from stageline.domain.run import MetricPoint

if TYPE_CHECKING:
    from stageline.domain.experiment import Experiment
    from stageline.domain.run import DatasetInput, Run, RunInfo
    from stageline.server.replica import Replica

OUTPUT_TAG = "stageline.model.output."
"""A run's tag with this before a logged model's id says that the run made it; its value is the step."""
LOGGED_MODEL = "models:/m-"

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
    return f"mlflow-artifacts:/{run.experiment_id}/{run.run_id}/artifacts"


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
    """A run."""
    models = [given for given in run.inputs.dataset_inputs if _is_logged_model(given)]
    datasets = [given for given in run.inputs.dataset_inputs if not _is_logged_model(given)]
    outputs: list[Shape] = []
    tags: dict[str, str] = {}
    for key, value in run.data.tags.items():
        if key.startswith(OUTPUT_TAG):
            step = int(value) if value.lstrip("-").isdigit() else 0
            outputs.append({"model_id": key[len(OUTPUT_TAG) :], "step": step})
        else:
            tags[key] = value
    return {
        "info": info_shape(replica, run.info),
        "data": {
            "metrics": [metric_shape(point) for point in run.metrics.values()],
            "params": pairs(run.data.params),
            "tags": pairs(tags),
        },
        "inputs": {
            "dataset_inputs": [dataset_shape(given) for given in datasets],
            "model_inputs": [
                {"model_id": given.dataset.name[len("models:/") :]} for given in models
            ],
        },
        "outputs": {"model_outputs": outputs},
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


def _is_logged_model(given: DatasetInput) -> bool:
    ref = given.dataset
    return ref.source_type == MODEL_SOURCE_TYPE and ref.name.startswith(LOGGED_MODEL)
