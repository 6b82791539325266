"""Where files lie that clients name by path: under a run, or under a logged model, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.logged_model import TAG_MODEL_ID
from stageline.errors import InvalidInput, NotFound
from stageline.mlflow_plugin.sources import Owned
from stageline.tracking.artifacts import RunArtifacts
from stageline.tracking.model_files import ModelFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from stageline.domain.run import ArtifactFile
    from stageline.server.replica import Replica


class Files(Protocol):
    """The files of a run, or of a logged model. As `RunArtifacts` has them."""

    def list(self, path: str | None = None) -> Sequence[ArtifactFile]:
        """What lies directly in a folder, by paths from the owner's root."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A stream of a file's content. Raises `NotFound`."""
        ...

    def log_bytes(self, data: bytes, artifact_file: str) -> None:
        """Store bytes."""
        ...

    def log_file(self, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Store a file of this disk."""
        ...

    def delete(self, path: str = "") -> None:
        """Remove a file or a folder. Raises `NotFound`."""
        ...


class Place(NamedTuple):
    """Whose files, and which of them."""

    files: Files
    path: str
    """Artifact path; empty for all of them."""


def split_place(path: str) -> tuple[str, Owned]:
    """The experiment and the owner that a path of `mlflow-artifacts:/` names; nothing is looked up.

    Raises:
        InvalidInput: it can not be a path.
        NotFound: it is nobody's.
    """
    try:
        check_artifact_path(path.rstrip("/"))
    except InvalidInput as error:
        raise InvalidInput(f"Invalid path: {path[:200]!r}") from error
    parts = path.rstrip("/").split("/")
    if len(parts) >= 4 and parts[1] == "models" and parts[3] == "artifacts":
        return parts[0], Owned(None, parts[2], "/".join(parts[4:]))
    if len(parts) >= 3 and parts[2] == "artifacts":
        return parts[0], Owned(parts[1], None, "/".join(parts[3:]))
    raise NotFound(
        "No files are kept there: expected <experiment_id>/<run_id>/artifacts/<path>, as the run's artifact_uri says"
    )


def place_of(replica: Replica, path: str) -> Place:
    """The place that a path of `mlflow-artifacts:/` names.

    Raises:
        InvalidInput: it can not be a path.
        NotFound: nobody's files lie there.
    """
    experiment_id, owned = split_place(path)
    check_home(replica, experiment_id, owned)
    if owned.model_id is not None:
        return model_place(replica, owned.model_id, owned.path)
    assert owned.run_id is not None
    return Place(run_files(replica, owned.run_id), owned.path)


def check_home(replica: Replica, experiment_id: str, owned: Owned) -> None:
    """Raise `NotFound` unless the owner is of that experiment: rights are granted by experiment."""
    if owned.model_id is not None:
        if replica.model_home(owned.model_id).experiment_id != experiment_id:
            raise NotFound(
                f"Logged model with ID '{owned.model_id}' not found in experiment {experiment_id}"
            )
    elif owned.run_id is None or replica.experiment_of(owned.run_id) != experiment_id:
        raise NotFound(f"Run with id={owned.run_id} not found in experiment {experiment_id}")


def model_place(replica: Replica, model_id: str, path: str) -> Place:
    """A place among the files of a logged model: most lie among those of the run that made it. Raises `NotFound`."""
    home = replica.model_home(model_id)
    if home.run_id is None:
        return Place(ModelFiles(replica.workspace.store, model_id), path)
    return Place(run_files(replica, home.run_id), f"{home.path}/{path}".rstrip("/"))


def version_place(replica: Replica, name: str, version: str, path: str) -> Place:
    """A place among the files of a version of a registered model; of one elsewhere, nothing is fetched.

    Raises:
        NotFound: there is no such version, or its files are not kept in this store.
    """
    found = replica.workspace.registry.get_version(name, version)
    if found.run_id and found.artifact_path:
        return Place(run_files(replica, found.run_id), f"{found.artifact_path}/{path}")
    model_id = found.tags.get(TAG_MODEL_ID)
    if model_id is None:
        raise NotFound(f"The files of version {version} of {name!r} are not kept in this store")
    return model_place(replica, model_id, path)


def run_files(replica: Replica, run_id: str) -> RunArtifacts:
    """The files of a run, noted in its log by this replica's own stream."""
    workspace = replica.workspace

    def note(files: Mapping[str, tuple[str, int] | None]) -> None:
        with replica.runs.writing(run_id) as held:
            assert held.active is not None
            held.active.note_files(files)
        replica.settle(run_id)

    return RunArtifacts(
        workspace.store, run_id, note=note, known=lambda: workspace.runs.files(run_id)
    )
