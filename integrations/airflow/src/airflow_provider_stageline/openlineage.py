"""What operators read and make, for Airflow's OpenLineage provider. Loaded when that asks, since nobody else does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_stageline.reaching import open_workspace
from stageline.errors import StagelineError
from stageline.tasks import (
    LineageDataset,
    run_datasets,
    run_model_dataset,
    stage_dataset,
    version_dataset,
)


def registered_lineage(operator: Any) -> Any:
    """Of a registration: the run's model in, the version out."""
    told, url = operator.told, _url(operator)
    made = [version_dataset(url, told["model"], told["version"])] if told else []
    path = operator.artifact_path
    read = (
        [run_model_dataset(url, told["run_id"], path)] if told and told["run_id"] and path else []
    )
    return _lineage(read, made)


def moved_lineage(operator: Any) -> Any:
    """Of a transition: the version in, what is in the stage out."""
    told, url = operator.told, _url(operator)
    if not told:
        return _lineage([], [])
    read = [version_dataset(url, told["model"], told["version"])]
    return _lineage(read, [stage_dataset(url, told["model"], told["stage"])])


def looked_at_lineage(operator: Any) -> Any:
    """Of a gate, a request or a sensor: the version in."""
    told = operator.told
    read = [version_dataset(_url(operator), told["model"], told["version"])] if told else []
    return _lineage(read, [])


def run_lineage(operator: Any, outputs: Iterable[LineageDataset] = ()) -> Any:
    """Of what is a run of its own: all that the run read, and what came of it."""
    if not operator.recorded_run_id:
        return _lineage([], outputs)
    try:
        read, made = run_datasets(
            open_workspace(operator.stageline_conn_id), operator.recorded_run_id
        )
    except StagelineError as error:  # the work is done: what is told about it may lack this
        operator.log.warning(
            "OpenLineage is not told what run %s read: %s", operator.recorded_run_id, error
        )
        read, made = [], []
    return _lineage(read, [*made, *outputs])


def file_dataset(url: str) -> LineageDataset:
    """A file, by its path or URL."""
    if "://" not in url:
        return LineageDataset("file", url)
    parts = urlsplit(url)
    return LineageDataset(f"{parts.scheme}://{parts.netloc}", parts.path.strip("/"))


def namespace_of_connection(conn_id: str) -> str:
    """The namespace of the store that a connection names."""
    return stage_dataset(open_workspace(conn_id).store.url, "").namespace


def _url(operator: Any) -> str:
    return str(open_workspace(operator.stageline_conn_id).store.url)


def _lineage(read: Iterable[LineageDataset], made: Iterable[LineageDataset]) -> Any:
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(
        inputs=[_dataset(one) for one in read], outputs=[_dataset(one) for one in made]
    )


def _dataset(one: LineageDataset) -> Any:
    from openlineage.client.event_v2 import Dataset
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    facets: dict[str, Any] = {}
    if one.version:
        facets["version"] = DatasetVersionDatasetFacet(datasetVersion=one.version)
    return Dataset(namespace=one.namespace, name=one.name, facets=facets)
