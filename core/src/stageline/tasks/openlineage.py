"""What tasks read and make, as the datasets that an orchestrator's own OpenLineage events name.

The names are those of `stageline lineage show --format openlineage`, so that both meet in one graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.lineage.export.openlineage import namespace_of, run_uuid, to_openlineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stageline.tasks.session import TaskWorkspace


class LineageDataset(NamedTuple):
    """A dataset of OpenLineage."""

    namespace: str
    name: str
    version: str = ""


def version_dataset(store_url: str, model: str, version: int) -> LineageDataset:
    """A model version.

    >>> version_dataset("s3://bucket/ml", "wine", 3)
    LineageDataset(namespace='s3://bucket/ml', name='models/wine/versions/3', version='3')
    """
    name = f"models/{model}/versions/{version}"
    return LineageDataset(namespace_of(store_url), name, str(version))


def stage_dataset(store_url: str, model: str, stage: str | None = None) -> LineageDataset:
    """What is in a stage of a model, or the model: what a DAG is scheduled on."""
    return LineageDataset(namespace_of(store_url), "/".join(filter(None, ("models", model, stage))))


def run_model_dataset(store_url: str, run_id: str, path: str) -> LineageDataset:
    """The model that a run logged."""
    return LineageDataset(namespace_of(store_url), f"runs/{run_id}/{path}")


def run_datasets(
    workspace: TaskWorkspace, run_id: str
) -> tuple[list[LineageDataset], list[LineageDataset]]:
    """What a run read, and what came of it. Raises `NotFound`."""
    graph = workspace.lineage.of_run(run_id, direction="both", depth=1)
    wanted = run_uuid(run_id)
    inputs: dict[LineageDataset, None] = {}
    outputs: dict[LineageDataset, None] = {}
    for event in to_openlineage(graph, workspace.store.url):
        if event.get("run", {}).get("runId") == wanted:
            inputs |= dict.fromkeys(_datasets(event["inputs"]))
            outputs |= dict.fromkeys(_datasets(event["outputs"]))
    return [*inputs], [*outputs]


def _datasets(told: Iterable[Mapping[str, Any]]) -> Iterable[LineageDataset]:
    for one in told:
        version = one["facets"].get("version", {}).get("datasetVersion", "")
        yield LineageDataset(one["namespace"], one["name"], version)
