"""A run's files as its readers see them: listed from the store, checked against the run's manifest."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.names import check_run_id
from stageline.domain.run import ArtifactFile
from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.storage import layout
from stageline.storage.parallel import together
from stageline.storage.transfer import (
    Digest,
    Progress,
    fetch_file,
    in_turn,
    read_checked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stageline.domain.artifact import StoredFile
    from stageline.storage.port import ObjectStore

_log = logging.getLogger("stageline")


class ArtifactReader:
    """The files of one run. `known` is its manifest, asked for once a call; a file that is not in it is not checked."""

    def __init__(
        self, store: ObjectStore, run_id: str, *, known: Callable[[], Mapping[str, StoredFile]]
    ) -> None:
        self.run_id = check_run_id(run_id)
        self._store = store
        self._root = layout.run_artifacts(run_id)
        self._known = known

    def list(self, path: str | None = None) -> list[ArtifactFile]:
        """What lies directly in the folder `path`, in order of name; empty if that is a file or does not exist.

        One request. Paths are relative to the run's artifacts, whatever `path` is.
        """
        return [*self._entries(path, self._known(), deep=False)]

    def walk(self, path: str | None = None) -> Iterator[ArtifactFile]:
        """All files under the folder `path`, at any depth, in order of path. One request."""
        return self._entries(path, self._known(), deep=True)

    def read(self, path: str) -> bytes:
        """The content of a file, checked.

        Raises:
            NotFound: there is no such file.
            Corrupt: it is not what was logged.
        """
        path = check_artifact_path(path)
        try:
            return read_checked(self._store, self._root + path, digest_in(self._known(), path))
        except NotFound as error:
            raise self._not_found(path) from error

    def open(self, path: str) -> BinaryIO:
        """A stream of a file's content. Unchecked, since it may be left half-way: `read` and `download` check."""
        path = check_artifact_path(path)
        try:
            return self._store.open(self._root + path, "rb")
        except NotFound as error:
            raise self._not_found(path) from error

    def download(
        self, path: str = "", dst: str | Path | None = None, *, progress: Progress | None = None
    ) -> Path:
        """Copy a file or a folder to `dst` and check it; where it lies now, which is `dst` followed by `path`.

        Args:
            path: Artifact path; empty for all artifacts.
            dst: Folder, made if need be; a new temporary one, for this user's eyes only, if not given.
            progress: Called with the number of bytes that have arrived since its last call.

        Raises:
            NotFound: there is no such file or folder.
            Corrupt: a file is not what was logged, or a file of the folder is missing.
        """
        path = checked_folder(path)
        known = self._known()
        found = [path] if digest_in(known, path) else self._paths_at(path, known)
        if not found and path:
            raise self._not_found(path)
        folder = _private_folder() if dst is None else Path(dst)
        folder.mkdir(parents=True, exist_ok=True)
        stop = threading.Event()
        told = in_turn(progress, stop)

        def fetch(one: str) -> None:
            self._fetch(one, folder / one, digest_in(known, one), told)

        together(fetch, found, stop=stop)
        return folder / path

    def _entries(
        self, path: str | None, known: Mapping[str, StoredFile], *, deep: bool
    ) -> Iterator[ArtifactFile]:
        folder = checked_folder(path)
        for entry in self._store.list(self._root + (f"{folder}/" if folder else ""), deep=deep):
            name = entry.key[len(self._root) :]
            if not _is_readable(name):
                continue
            if name.endswith("/"):
                yield ArtifactFile(name[:-1], True, None)
            else:
                file = known.get(name)
                yield ArtifactFile(name, False, entry.size, file.sha256 if file else None)

    def _paths_at(self, path: str, known: Mapping[str, StoredFile]) -> Sequence[str]:
        """The files at or under `path`: those that the store has, and those that it should have."""
        under = f"{path}/" if path else ""
        noted = {
            name
            for name in known
            if digest_in(known, name) and (name == path or name.startswith(under))
        }
        listed = {file.path for file in self._entries(path, known, deep=True)}
        if path and not noted and not listed and self._is_file(path):
            return [path]
        return sorted(noted | listed)

    def _is_file(self, path: str) -> bool:
        beside = self._entries(path.rpartition("/")[0], {}, deep=False)
        return any(one.path == path and not one.is_dir for one in beside)

    def _fetch(self, path: str, target: Path, expected: Digest | None, progress: Progress) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            fetch_file(self._store, self._root + path, target, expected, progress=progress)
        except NotFound as error:
            if expected is None:
                raise self._not_found(path) from error
            raise Corrupt(
                f"run {self.run_id} should have the artifact {path!r} of {expected[1]} bytes, but there is no such "
                f"object in {self._store.url}: something else removed it. Log it again, or delete it from the run"
            ) from error

    def _not_found(self, path: str) -> NotFound:
        beside = ", ".join(repr(one.path) for one in self.list(path.rpartition("/")[0])[:10])
        return NotFound(
            f"run {self.run_id} has no artifact {path!r}; beside it there is {beside or 'nothing'}"
        )


def digest_in(known: Mapping[str, StoredFile], path: str) -> Digest | None:
    """What the manifest says of a file; None if nothing, or that it is gone."""
    file = known.get(path)
    return (file.sha256, file.size) if file is not None and file.sha256 is not None else None


def checked_folder(path: str | None) -> str:
    """A folder or a file, where the root has no name and a folder may end in a slash."""
    if not path:
        return ""
    return check_artifact_path(path[:-1] if path.endswith("/") and path != "/" else path)


def joined(folder: str | None, name: str) -> str:
    """The path of `name` in a folder, checked."""
    folder = checked_folder(folder)
    return check_artifact_path(f"{folder}/{name}" if folder else name)


def _is_readable(path: str) -> bool:
    try:
        checked_folder(path)
    except InvalidInput:
        _log.debug("passed by %r, which is no name that an artifact can have", path)
        return False
    return True


def _private_folder() -> Path:
    import tempfile  # late: it brings modules that most runs never need

    return Path(tempfile.mkdtemp(prefix="stageline-"))
