"""Files of another tracker: in a folder of this machine, wherever it was moved to, or at any URL that fsspec knows."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from stageline.storage.local_files import files_under
from stageline.storage.open import open_store
from stageline.storage.transfer import fetch_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.storage.options import StorageOptions


class FolderFiles:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def sizes(self) -> Mapping[str, int]:
        """See `SourceFiles`."""
        if not self._root.is_dir():
            return {}
        return {name: file.stat().st_size for name, file in files_under(self._root).items()}

    def on_disk(self, path: str, folder: Path) -> Path:
        """See `SourceFiles`."""
        return self._root / path


class StoreFiles:
    """Files in a bucket, or behind any other URL."""

    def __init__(self, url: str, options: StorageOptions) -> None:
        self._store = open_store(url, options)

    def sizes(self) -> Mapping[str, int]:
        """See `SourceFiles`."""
        return {entry.key: entry.size for entry in self._store.list("")}

    def on_disk(self, path: str, folder: Path) -> Path:
        """See `SourceFiles`."""
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch_file(self._store, path, target, None)
        return target


def local_path(uri: str) -> Path | None:
    """The path that a URI without a host names; None for any other."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if not parts.scheme or len(parts.scheme) == 1 else None


def moved_path(path: Path, root: Path) -> Path | None:
    """Where `path` is below `root`, if the folder that it was in has been moved there: the longest tail that exists."""
    parts = PurePosixPath(path.as_posix()).parts
    tails = (root.joinpath(*parts[start:]) for start in range(1, len(parts)))
    return next((tail for tail in tails if tail.exists()), None)


def files_at(uri: str, root: Path | None, options: StorageOptions) -> FolderFiles | StoreFiles:
    """The files at an artifact URI; a folder that is not where it was is looked for below `root`."""
    path = local_path(uri)
    if path is None:
        return StoreFiles(uri, options)
    if path.is_dir():
        return FolderFiles(path)
    moved = moved_path(path, root) if root is not None else None
    if moved is not None:
        return FolderFiles(moved)
    return FolderFiles(path)  # none were logged: MLflow makes the folder with the first
