"""The files of a logged model that no run made: plain objects in a folder of its own, with no manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.run import ArtifactFile
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.local_files import files_under
from stageline.storage.parallel import together
from stageline.storage.transfer import fetch_file, put_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.storage.port import ObjectStore


class ModelFiles:
    """The same verbs as a run's artifacts, of which this needs a few. Safe from many threads."""

    def __init__(self, store: ObjectStore, model_id: str) -> None:
        self._store = store
        self._root = layout.logged_model_artifacts(model_id)

    def log_file(self, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Store a file under its own name in the folder `artifact_path`."""
        file = Path(local_path)
        self._put(_joined(artifact_path, file.name), file)

    def log_bytes(self, data: bytes, artifact_file: str) -> None:
        """Store bytes as a file."""
        self._store.replace(self._root + check_artifact_path(artifact_file), data)

    def log_folder(self, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Store a folder's content."""
        files = files_under(Path(local_dir))
        together(lambda name: self._put(_joined(artifact_path, name), files[name]), files)

    def list(self, path: str | None = None) -> list[ArtifactFile]:
        """What lies directly in the folder; empty if that is a file or does not exist."""
        folder = self._root + (f"{check_artifact_path(path)}/" if path else "")
        return [
            ArtifactFile(
                entry.key[len(self._root) :].rstrip("/"),
                entry.key.endswith("/"),
                None if entry.key.endswith("/") else entry.size,
            )
            for entry in self._store.list(folder, deep=False)
        ]

    def read(self, path: str) -> bytes:
        """The content of a file. Raises `NotFound`."""
        return self._store.read(self._root + check_artifact_path(path))

    def open(self, path: str) -> BinaryIO:
        """A stream of a file's content. Raises `NotFound`."""
        return self._store.open(self._root + check_artifact_path(path), "rb")

    def download(self, path: str = "", dst: str | Path | None = None) -> Path:
        """Copy a file or a folder to `dst` followed by `path`. Raises `NotFound`."""
        target = Path(dst or ".")
        found = self._at(path)
        if not found:
            raise NotFound(f"there is no artifact {path!r} of the logged model")

        def fetch(one: str) -> None:
            place = target / one
            place.parent.mkdir(parents=True, exist_ok=True)
            fetch_file(self._store, self._root + one, place, None)

        together(fetch, found)
        return target / path

    def delete(self, path: str = "") -> None:
        """Remove a file or a folder. Raises `NotFound`."""
        found = self._at(path)
        if not found:
            raise NotFound(f"there is no artifact {path!r} of the logged model")
        together(lambda one: self._store.delete(self._root + one), found)

    def _put(self, path: str, file: Path) -> None:
        put_file(self._store, file, self._root + check_artifact_path(path))

    def _at(self, path: str) -> Sequence[str]:
        inside = [entry.key[len(self._root) :] for entry in self._store.list(self._root)]
        return [one for one in inside if not path or one == path or one.startswith(f"{path}/")]


def _joined(folder: str | None, name: str) -> str:
    return f"{folder}/{name}" if folder else name
