"""A run's files: plain objects under the run, checked against the manifest; kept on disk while the store is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from stageline.domain.artifact import StoredFile
from stageline.domain.names import check_artifact_path, check_run_id
from stageline.domain.run import ArtifactFile
from stageline.errors import Corrupt, InvalidInput, NotFound, StorageFailed
from stageline.storage import layout
from stageline.storage.local_files import files_under
from stageline.storage.transfer import (
    Digest,
    Progress,
    digest_of,
    fetch_file,
    hash_file,
    in_parallel,
    in_turn,
    put_bytes,
    put_file,
    read_checked,
)
from stageline.tracking.spool import drop_spooled, spool_bytes, spool_file, spooled_path

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

Note = Callable[[Mapping[str, "Digest | None"]], None]
"""Puts files into the run's manifest, or takes them out of it."""

PAUSE_S = 30.0
"""After the store failed to take a file, further ones go to the spool for so long without asking it again."""

_log = logging.getLogger("stageline")


class RunArtifacts:
    """The files of one run. Safe from many threads, and after a fork.

    A file is stored first and noted second, and before a known file is replaced or deleted it is forgotten: so a
    process that dies in between leaves a file that nobody can check, never one that fails its check.
    Two writers that replace the same file at the same time can leave one's content beside the other's digest.
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
        self.run_id = check_run_id(run_id)
        self._store = store
        self._root = layout.run_artifacts(run_id)
        self._note = note
        self._known = known
        self._spool = spool
        self._away_until = 0.0
        self._has_warned = False

    # -- writing ----------------------------------------------------------------------------------

    def log_file(
        self,
        local_path: str | Path,
        artifact_path: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        """Store a file under its own name in the folder `artifact_path`; a folder goes there with all that is in it.

        A file whose content is stored already is not sent again.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it is neither file nor folder, or the path can not be an artifact's.
            Conflict: the file changed while it was read.
            StorageFailed: the store is away, and there is no spool to keep the file in.
        """
        source = Path(local_path)
        name = source.name or source.resolve().name
        if source.is_dir():
            self.log_folder(source, _joined(artifact_path, name), progress=progress)
        else:
            self._put_all({_joined(artifact_path, name): source}, progress)

    def log_folder(
        self,
        local_dir: str | Path,
        artifact_path: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        """Store all files under `local_dir` in the folder `artifact_path`, several at a time.

        Everything is checked before anything is sent: a symbolic link out of the folder, a device, a pipe or a
        name that can not be an artifact's is refused. After a failure, what was stored by then is noted.
        """
        files = files_under(Path(local_dir))
        self._put_all({_joined(artifact_path, path): file for path, file in files.items()}, progress)

    def log_text(self, text: str, artifact_file: str) -> None:
        """Store text as UTF-8; what UTF-8 can not hold is written as an escape."""
        self.log_bytes(text.encode(errors="backslashreplace"), artifact_file)

    def log_dict(self, dictionary: Mapping[str, Any] | list[Any], artifact_file: str) -> None:
        """Store a dict or list as YAML if the name ends in `.yml` or `.yaml`, else as JSON; JSON takes what it lacks as text."""
        from stageline.tracking.texts_of_dicts import dict_text

        self.log_text(dict_text(dictionary, artifact_file), artifact_file)
