"""A run's files as its writer sees them: stored, noted in the manifest, kept on disk while the store is away."""

from __future__ import annotations

import threading
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.storage.local_files import files_under
from stageline.storage.parallel import together
from stageline.storage.transfer import (
    Digest,
    Progress,
    digest_of,
    hash_file,
    in_turn,
    put_bytes,
    put_file,
)
from stageline.tracking.artifact_reading import ArtifactReader, checked_folder, digest_in, joined
from stageline.tracking.kept_files import (
    Note,
    alone_with,
    is_away,
    note_away,
    open_spool,
    ship_spooled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stageline.domain.artifact import StoredFile
    from stageline.storage.port import ObjectStore

__all__ = ["Note", "RunArtifacts", "ship_spooled"]


class RunArtifacts(ArtifactReader):
    """The files of a run that may be written. Safe from many threads, and after a fork.

    A file is stored first and noted second, and a noted one is forgotten before it is replaced or deleted: a process
    that dies in between leaves a file that can not be checked, never one that fails its check. Two writers that
    replace one file at the same time may leave the content of one beside the digest of the other.
    """

    def __init__(
        self,
        store: ObjectStore,
        run_id: str,
        *,
        note: Note,
        known: Callable[[], Mapping[str, StoredFile]],
        spool: Path | None = None,
    ) -> None:
        super().__init__(store, run_id, known=known)
        self._note = note
        self._spool = spool

    def log_file(
        self,
        local_path: str | Path,
        artifact_path: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        """Store a file by its own name in the folder `artifact_path`; a folder goes there with all that is in it.

        A file that is stored already, with the same content, is not sent again.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it is neither file nor folder, or its name can not be an artifact's.
            Conflict: the file changed while it was read; nothing is stored.
            StorageFailed: the store is away, and there is no spool to keep the file in.
        """
        source = Path(local_path)
        path = joined(artifact_path, source.name or source.resolve().name)
        if source.is_dir():
            self.log_folder(source, path, progress=progress)
        else:
            self._put_files({path: source}, progress)

    def log_folder(
        self,
        local_dir: str | Path,
        artifact_path: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        """Store all files under `local_dir` in the folder `artifact_path`, several at a time. Raises as `log_file`.

        All names are checked before anything is sent; a symbolic link out of the folder, a device or a pipe is
        refused. If it fails half-way, what was stored by then stays and is noted.
        """
        files = files_under(Path(local_dir))
        self._put_files(
            {joined(artifact_path, name): file for name, file in files.items()}, progress
        )

    def log_text(self, text: str, artifact_file: str) -> None:
        """Store text as UTF-8; what UTF-8 lacks (lone surrogates) becomes an escape."""
        self.log_bytes(text.encode(errors="backslashreplace"), artifact_file)

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Store a dict or list: as YAML under a name that ends in `.yml` or `.yaml`, otherwise as JSON.

        In JSON, what it has no word for becomes `str()` of it. Raises `InvalidInput` if it can not be written.
        """
        self.log_text(_dict_text(dictionary, artifact_file), artifact_file)

    def log_bytes(self, data: bytes, artifact_file: str) -> None:
        """Store bytes as a file."""
        path = check_artifact_path(artifact_file)
        known = self._known()
        if _has(known, path, len(data), lambda: digest_of(data)):
            return
        self._forget(known, [path])
        digest = self._sent(
            path,
            send=lambda: put_bytes(self._store, data, self._root + path),
            keep=lambda spool: put_bytes(open_spool(spool), data, path),
        )
        if digest is not None:
            self._note({path: digest})

    def delete(self, path: str = "") -> None:
        """Remove a file, or a folder with all that is in it. Raises `NotFound`."""
        path = checked_folder(path)
        known = self._known()
        gone = self._paths_at(path, known)
        if not gone:
            raise self._not_found(path)
        self._forget(known, gone)
        together(lambda one: self._store.delete(self._root + one), gone)
        if self._spool is not None and self._spool.is_dir():
            for one in gone:
                open_spool(self._spool).delete(one)

    def read(self, path: str) -> bytes:
        """The content of a file, checked; what is still in the spool counts too. Raises `NotFound`, `Corrupt`."""
        kept = self._kept(check_artifact_path(path))
        return super().read(path) if kept is None else kept

    def find(self, path: str) -> bytes | None:
        """As `read`, but None if there is no such file; while the store is away, if the manifest has none."""
        try:
            return self.read(path)
        except NotFound:
            return None
        except StorageFailed:
            if self._spool is None or digest_in(self._known(), path):
                raise
            return None

    def ship(self) -> Sequence[str]:
        """Send what the spool holds; the artifact paths. Raises `StorageFailed` if the store is still away."""
        if self._spool is None:
            return []
        return ship_spooled(self._store, self.run_id, self._spool, self._note)

    def _put_files(self, files: Mapping[str, Path], progress: Progress | None) -> None:
        stop = threading.Event()
        told = in_turn(progress, stop)
        known = self._known()
        stored: dict[str, Digest] = {}

        def is_new(item: tuple[str, Path]) -> bool:
            path, file = item
            size = file.stat().st_size if file.is_file() else -1
            is_stored = _has(known, path, size, lambda: hash_file(file))
            if is_stored:
                told(size)
            return not is_stored

        def put(item: tuple[str, Path]) -> None:
            digest = self._put_file(*item, told)
            if digest is not None:
                stored[item[0]] = digest

        verdicts = together(is_new, files.items(), stop=stop)
        new = list(compress(files.items(), verdicts))
        self._forget(known, (path for path, _ in new))
        try:
            together(put, new, stop=stop)
        finally:
            if stored:
                self._note(stored)

    def _put_file(self, path: str, file: Path, progress: Progress) -> Digest | None:
        return self._sent(
            path,
            send=lambda: put_file(self._store, file, self._root + path, progress=progress),
            keep=lambda spool: put_file(open_spool(spool), file, path),
        )

    def _forget(self, known: Mapping[str, StoredFile], paths: Iterable[str]) -> None:
        gone = {path: None for path in paths if digest_in(known, path)}
        if gone:
            self._note(gone)

    def _sent(
        self, path: str, *, send: Callable[[], Digest], keep: Callable[[Path], object]
    ) -> Digest | None:
        """The digest of what was sent; None if it was kept in the spool instead."""
        spool = self._spool
        if spool is None:
            return send()
        if not is_away(spool):
            try:
                with alone_with(spool, path):
                    digest = send()
                    if spool.is_dir():
                        open_spool(spool).delete(path)  # older, and must not come after this
                return digest
            except StorageFailed as error:
                note_away(spool, self.run_id, error)
        keep(spool)
        return None

    def _kept(self, path: str) -> bytes | None:
        if self._spool is None or not self._spool.is_dir():
            return None
        try:
            return open_spool(self._spool).read(path)
        except NotFound:
            return None


def _has(
    known: Mapping[str, StoredFile], path: str, size: int, digest: Callable[[], Digest]
) -> bool:
    """Whether the manifest has this very content; the digest is asked for only if the size is the same."""
    noted = digest_in(known, path)
    return noted is not None and noted[1] == size and noted == digest()


def _dict_text(dictionary: Any, artifact_file: str) -> str:
    if artifact_file.lower().endswith((".yml", ".yaml")):
        return _yaml_text(dictionary, artifact_file)
    import json  # late: few runs need it

    try:
        return json.dumps(dictionary, indent=2, default=str)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{artifact_file!r} can not be written as JSON: {error}") from error


def _yaml_text(dictionary: Any, artifact_file: str) -> str:
    try:
        import yaml  # late: it need not be installed
    except ImportError as error:
        raise InvalidInput(
            f"{artifact_file!r} asks for YAML, which needs PyYAML: `pip install pyyaml`, or name it '.json'"
        ) from error
    try:
        return str(yaml.safe_dump(dictionary, indent=2, sort_keys=False, allow_unicode=True))
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{artifact_file!r} can not be written as YAML: {error}. Turn its values into plain ones first"
        ) from error
