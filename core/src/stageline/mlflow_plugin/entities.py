"""Runs, experiments and logged models as MLflow's entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow import entities as mlflow

from stageline.domain.logged_model import inputs_in, outputs_in, without_links
from stageline.domain.run import DatasetInput, DatasetRef, MetricPoint, Run, RunStatus, ViewType
from stageline.mlflow_plugin.addresses import plugin_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.experiment import Experiment
    from stageline.domain.logged_model import LoggedModel

_VIEWS = {1: ViewType.ACTIVE_ONLY, 2: ViewType.DELETED_ONLY, 3: ViewType.ALL}


def view_of(view_type: int) -> ViewType:
    """Which things a search returns, from MLflow's number."""
    return _VIEWS[view_type]


def status_of(status: Any) -> RunStatus:
    """A status from MLflow's number or name."""
    name = status if isinstance(status, str) else mlflow.RunStatus.to_string(status)
    return RunStatus(name)


def experiment_entity(experiment: Experiment, root: str) -> Any:
    """`root` is the folder of all runs, for an experiment that has no place of its own."""
    return mlflow.Experiment(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment.artifact_location or plugin_uri(root),
        lifecycle_stage=str(experiment.lifecycle_stage),
        tags=[mlflow.ExperimentTag(key, value) for key, value in experiment.tags.items()],
        creation_time=experiment.creation_time,
        last_update_time=experiment.last_update_time,
    )


def run_info(run: Run) -> Any:
    """Id, name, status, times."""
    info = run.info
    return mlflow.RunInfo(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        user_id=info.user_id,
        status=str(info.status),
        start_time=info.start_time,
        end_time=info.end_time,
        lifecycle_stage=str(info.lifecycle_stage),
        artifact_uri=plugin_uri(info.artifact_uri),
        run_name=info.run_name,
    )


def run_entity(run: Run) -> Any:
    """The whole run; the tags that tie it to logged models are its inputs and outputs."""
    tags = run.data.tags
    return mlflow.Run(
        run_info=run_info(run),
        run_data=mlflow.RunData(
            metrics=[metric_entity(point, run.info.run_id) for point in run.metrics.values()],
            params=[mlflow.Param(key, value) for key, value in run.data.params.items()],
            tags=[mlflow.RunTag(key, value) for key, value in without_links(tags).items()],
        ),
        run_inputs=mlflow.RunInputs(
            dataset_inputs=[_dataset_entity(one) for one in run.inputs.dataset_inputs],
            model_inputs=[mlflow.LoggedModelInput(one) for one in inputs_in(tags)],
        ),
        run_outputs=mlflow.RunOutputs(
            [mlflow.LoggedModelOutput(one, step) for one, step in outputs_in(tags).items()]
        ),
    )


def metric_entity(point: MetricPoint, run_id: str) -> Any:
    """One point."""
    return mlflow.Metric(point.key, point.value, point.timestamp, point.step, run_id=run_id)


def dataset_inputs(given: Iterable[Any]) -> list[DatasetInput]:
    """Our own of MLflow's."""
    return [
        DatasetInput(
            DatasetRef(
                name=one.dataset.name,
                digest=one.dataset.digest,
                source_type=one.dataset.source_type,
                source=one.dataset.source,
                schema=one.dataset.schema,
                profile=one.dataset.profile,
            ),
            {tag.key: tag.value for tag in one.tags or []},
        )
        for one in given
    ]


def model_entity(model: LoggedModel, artifact_uri: str) -> Any:
    """A logged model, with what runs measured of it."""
    return mlflow.LoggedModel(
        experiment_id=model.experiment_id,
        model_id=model.model_id,
        name=model.name,
        artifact_location=plugin_uri(artifact_uri),
        creation_timestamp=model.creation_timestamp,
        last_updated_timestamp=model.last_updated_timestamp,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        status=mlflow.LoggedModelStatus(str(model.status)),
        status_message=model.status_message,
        tags=dict(model.tags),
        params=dict(model.params),
        metrics=[
            mlflow.Metric(
                key=one.key,
                value=one.value,
                timestamp=one.timestamp,
                step=one.step,
                model_id=model.model_id,
                dataset_name=one.dataset_name,
                dataset_digest=one.dataset_digest if one.dataset_name else None,
                run_id=one.run_id,
            )
            for one in model.metrics
        ],
    )


def _dataset_entity(given: DatasetInput) -> Any:
    dataset = given.dataset
    return mlflow.DatasetInput(
        dataset=mlflow.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags=[mlflow.InputTag(key, value) for key, value in given.tags.items()],
    )
