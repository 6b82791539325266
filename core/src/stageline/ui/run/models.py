"""What a run read and made: datasets, models that it loaded, models that it logged, and the versions made of those."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.logged_model import inputs_in, outputs_in
from stageline.domain.model_input import loaded_model
from stageline.lineage.keys import ModelKey, VersionKey, model_key
from stageline.models.mlmodel import MLMODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stageline.domain.artifact import StoredFile
    from stageline.domain.model import ModelVersion
    from stageline.domain.run import Run
    from stageline.workspace import Workspace

CONTEXT = "mlflow.data.context"


class ReadDataset(NamedTuple):
    """A dataset that the run read."""

    name: str
    digest: str
    context: str
    source: str
    source_type: str
    lineage: str
    """What the page of lineage is asked for."""


class LoadedModel(NamedTuple):
    """A model that the run loaded."""

    uri: str
    key: VersionKey | ModelKey


class LoggedFolder(NamedTuple):
    """A model folder among the run's files."""

    path: str
    versions: list[ModelVersion]


class ReadAndMade(NamedTuple):
    """All of them."""

    datasets: list[ReadDataset]
    loaded: list[LoadedModel]
    folders: list[LoggedFolder]
    others: list[ModelVersion]
    """Versions made of this run whose files lie elsewhere."""
    logged_ids: list[str]
    """Ids of MLflow's logged models that the run made."""
    read_ids: list[str]


def read_and_made(
    workspace: Workspace,
    run: Run,
    files: Mapping[str, StoredFile],
    shows_model: Callable[[str], bool],
) -> ReadAndMade:
    """Asks the registry for versions of this run: one listing, and a read for each model."""
    run_id = run.info.run_id
    found = workspace.registry.search_model_versions(f"run_id = '{run_id}'")
    versions = [one for one in found if shows_model(one.name)]
    versions.sort(key=lambda one: (one.name, -one.version))
    paths = sorted(path.rpartition("/")[0] for path in files if is_mlmodel(path))
    folders = [
        LoggedFolder(path, [one for one in versions if (one.artifact_path or "") == path])
        for path in paths
    ]
    inputs = run.inputs.dataset_inputs
    return ReadAndMade(
        datasets=[
            ReadDataset(
                name=given.dataset.name,
                digest=given.dataset.digest,
                context=given.tags.get(CONTEXT, ""),
                source=given.dataset.source,
                source_type=given.dataset.source_type,
                lineage=f"dataset:{given.dataset.name}@{given.dataset.digest}",
            )
            for given in inputs
            if loaded_model(given) is None
        ],
        loaded=[
            LoadedModel(uri, model_key(uri)) for uri in filter(None, map(loaded_model, inputs))
        ],
        folders=folders,
        others=[one for one in versions if (one.artifact_path or "") not in paths],
        logged_ids=sorted(outputs_in(run.data.tags)),
        read_ids=sorted(inputs_in(run.data.tags)),
    )


def is_mlmodel(path: str) -> bool:
    """Whether the file tells of a model folder."""
    return path.rpartition("/")[2] == MLMODEL
