"""Where files lie that clients name by path: under a run, or under a logged model, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from stageline.domain.names import check_artifact_path
from stageline.errors import InvalidInput, NotFound
from stageline.tracking.artifacts import RunArtifacts

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


def place_of(replica: Replica, path: str) -> Place:
    """The place that a path of `mlflow-artifacts:/` names.

    Raises:
        InvalidInput: it can not be a path.
        NotFound: nobody's files lie there.
    """
    try:
        check_artifact_path(path.rstrip("/"))
    except InvalidInput as error:
        raise InvalidInput(f"Invalid path: {path[:200]!r}") from error
    parts = path.rstrip("/").split("/")
    if len(parts) >= 4 and parts[1] == "models" and parts[3] == "artifacts":
        if replica.model_files is None:
            raise NotFound(f"Logged model with ID '{parts[2]}' not found")
        return Place(replica.model_files(parts[0], parts[2]), "/".join(parts[4:]))
    if len(parts) >= 3 and parts[2] == "artifacts":
        if replica.experiment_of(parts[1]) != parts[0]:
            raise NotFound(f"Run with id={parts[1]} not found in experiment {parts[0]}")
        return Place(run_files(replica, parts[1]), "/".join(parts[3:]))
    raise NotFound(
        "No files are kept there: expected <experiment_id>/<run_id>/artifacts/<path>, as the run's artifact_uri says"
    )


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
