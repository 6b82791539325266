"""The files of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.fluent.runs import current
from stageline.fluent.session import get_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.tracking.artifacts import RunArtifacts


def files_of(run_id: str | None = None) -> RunArtifacts:
    return get_workspace().artifacts(run_id or current().run_id)


def log_artifact(
    local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store a file, or a folder, under the run; in the folder `artifact_path` if that is given."""
    path = Path(local_path)
    if path.is_dir():
        files_of(run_id).log_folder(path, "/".join(filter(None, [artifact_path, path.name])))
    else:
        files_of(run_id).log_file(path, artifact_path)


def log_artifacts(
    local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store what a folder holds under the run; in the folder `artifact_path` if that is given."""
    files_of(run_id).log_folder(Path(local_dir), artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store text as a file."""
    files_of(run_id).log_text(text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a dict or list as JSON, or as YAML if the file's name ends in `.yml` or `.yaml`."""
    files_of(run_id).log_dict(dictionary, artifact_file)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Store a matplotlib or plotly figure as the kind of file that the name's ending says."""
    from stageline.tracking import media

    media.log_figure(files_of(), figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
) -> None:
    """Store an image as a file, or as one of a series by `key` and `step`.

    Args:
        image: A PIL image, or an array of height x width [x 1, 3 or 4 channels]: uint8, or floats from 0 to 1.
        artifact_file: The file's path, if it is a single image.
        key: The name of the series, if it is one of many.
        step: Where in the series.
        timestamp: Unix time in milliseconds; now if not given.
        synchronous: Ignored.
    """
    from stageline.tracking import media

    tags = media.log_image(
        files_of(), image, artifact_file, key=key, step=step, timestamp=timestamp
    )
    if tags:
        current().set_tags(tags)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a table (a pandas frame, or columns by name) as JSON; rows are added to a table that is there."""
    from stageline.tracking import media

    tagged = run_id or current().run_id
    media.log_table(files_of(tagged), data, artifact_file)
    runs = get_workspace().runs
    known = runs.get(tagged).data.tags.get(media.TAG_LOGGED_ARTIFACTS)
    runs.set_tags(tagged, {media.TAG_LOGGED_ARTIFACTS: media.table_tag(artifact_file, known)})


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run's artifacts lie, or one of them."""
    uri = get_workspace().runs.artifact_uri(current().run_id)
    return f"{uri}/{artifact_path}" if artifact_path else uri


def list_artifacts(run_id: str, artifact_path: str | None = None) -> list[Any]:
    """The files and folders in a folder of a run's artifacts."""
    return files_of(run_id).list(artifact_path)


def download_artifacts(
    run_id: str, artifact_path: str = "", dst_path: str | Path | None = None
) -> str:
    """Fetch a file or folder, check it against the manifest, and return where it lies now. Raises `Corrupt`."""
    return str(files_of(run_id).download(artifact_path, Path(dst_path) if dst_path else None))
