"""What requests of the tracking protocol carry; every field may be missing, as protobuf has it."""

from __future__ import annotations

import msgspec


class Tag(msgspec.Struct):
    """Of an experiment, a run or an input."""

    key: str | None = None
    value: str | None = None


class CreateExperiment(msgspec.Struct):
    """experiments/create"""

    name: str | None = None
    artifact_location: str | None = None
    tags: list[Tag] = []


class OneExperiment(msgspec.Struct):
    """experiments/get, delete, restore"""

    experiment_id: str | None = None


class ExperimentByName(msgspec.Struct):
    """experiments/get-by-name"""

    experiment_name: str | None = None


class SearchExperiments(msgspec.Struct):
    """experiments/search"""

    max_results: int | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] = []
    view_type: str | None = None


class UpdateExperiment(OneExperiment):
    """experiments/update"""

    new_name: str | None = None


class ExperimentTag(OneExperiment):
    """experiments/set-experiment-tag, delete-experiment-tag"""

    key: str | None = None
    value: str | None = None


class CreateRun(msgspec.Struct):
    """runs/create"""

    experiment_id: str | None = None
    user_id: str | None = None
    run_name: str | None = None
    start_time: int | None = None
    tags: list[Tag] = []


class OneRun(msgspec.Struct):
    """runs/get, delete, restore"""

    run_id: str | None = None
    run_uuid: str | None = None


class UpdateRun(OneRun):
    """runs/update"""

    status: str | int | None = None
    end_time: int | None = None
    run_name: str | None = None


class SearchRuns(msgspec.Struct):
    """runs/search"""

    experiment_ids: list[str] = []
    filter: str | None = None
    run_view_type: str | None = None
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str | None = None


class Metric(msgspec.Struct, gc=False):
    """A point in a batch"""

    key: str | None = None
    value: float | None = None
    timestamp: int | None = None
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogMetric(Metric, gc=False):
    """runs/log-metric; `model_id` and the dataset link the point to a logged model"""

    run_id: str | None = None
    run_uuid: str | None = None


class KeyOfRun(OneRun):
    """What a run's params and tags have in common"""

    key: str | None = None
    value: str | None = None


class LogParam(KeyOfRun):
    """runs/log-parameter"""


class RunTag(KeyOfRun):
    """runs/set-tag, delete-tag"""


class LogBatch(msgspec.Struct):
    """runs/log-batch"""

    run_id: str | None = None
    metrics: list[Metric] = []
    params: list[Tag] = []
    tags: list[Tag] = []


class Dataset(msgspec.Struct):
    """Of an input"""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct):
    """What a run reads, and in what role"""

    dataset: Dataset | None = None
    tags: list[Tag] = []


class ModelInput(msgspec.Struct):
    """A logged model that a run reads"""

    model_id: str | None = None


class LogInputs(msgspec.Struct):
    """runs/log-inputs"""

    run_id: str | None = None
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class ModelOutput(ModelInput):
    """A logged model that a run makes"""

    step: int | None = None


class LogOutputs(msgspec.Struct):
    """runs/outputs"""

    run_id: str | None = None
    models: list[ModelOutput] = []


class LogModel(msgspec.Struct):
    """runs/log-model"""

    run_id: str | None = None
    model_json: str | None = None


class MetricHistory(OneRun):
    """metrics/get-history"""

    metric_key: str | None = None
    max_results: int | None = None
    page_token: str | None = None


class BulkHistory(msgspec.Struct):
    """metrics/get-history-bulk, get-history-bulk-interval"""

    run_id: list[str] = []
    run_ids: list[str] = []
    metric_key: str | None = None
    start_step: int | None = None
    end_step: int | None = None
    max_results: int | None = None


class ListArtifacts(OneRun):
    """artifacts/list"""

    path: str | None = None
    page_token: str | None = None
