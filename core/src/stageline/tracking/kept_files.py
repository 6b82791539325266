"""Artifacts that the store would not take: kept in a spool folder, under their artifact paths, until it does."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.names import check_run_id
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.keys import TEMPORARY
from stageline.storage.local import LocalStore
from stageline.storage.parallel import together
from stageline.storage.transfer import Digest, put_file

if TYPE_CHECKING:
    from pathlib import Path

    from stageline.errors import StorageFailed
    from stageline.storage.port import ObjectStore

Note = Callable[[Mapping[str, "Digest | None"]], None]
"""Puts files into a run's manifest, or takes them out where the digest is None. Called from several threads."""


PAUSE_S = 30.0
"""After the store failed to take a file, further ones of the run are kept for so long without asking it."""

_log = logging.getLogger("stageline")
_away_until: dict[Path, float] = {}
_locks: dict[tuple[int, int], threading.Lock] = {}
_LOCKS = 64


def is_away(spool: Path) -> bool:
    """Whether the store has failed a moment ago, so that asking it again would only cost time."""
    return time.monotonic() < _away_until.get(spool, 0.0)


def note_away(spool: Path, run_id: str, error: StorageFailed) -> None:
    """The store failed to take a file: said once, until what is kept has been shipped."""
    if spool not in _away_until:
        _log.warning(
            "files of run %s are kept in %s, because the store did not take them (%s): "
            "once it does, run `stageline sync`",
            run_id,
            spool,
            error,
        )
    _away_until[spool] = time.monotonic() + PAUSE_S


def alone_with(spool: Path, path: str) -> threading.Lock:
    """Held while a path is put: or a kept content could come after a newer one, or between it and its note."""
    # One set for each process: a thread that a forked child does not have may have held the parent's.
    return _locks.setdefault((os.getpid(), hash((spool, path)) % _LOCKS), threading.Lock())


def open_spool(folder: Path) -> LocalStore:
    """The spool as a store whose files survive a loss of power."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(folder, durability="fsync")


def ship_spooled(store: ObjectStore, run_id: str, spool: Path, note: Note) -> list[str]:
    """Put every file of `spool` under the run, note it and remove it from the spool; the artifact paths.

    May be repeated after a crash between any two steps, and done by several processes at once.

    Raises:
        StorageFailed: the store is still away; what has not been shipped is still in the spool.
    """
    if not spool.is_dir():
        return []
    kept = LocalStore(spool)
    root = layout.run_artifacts(check_run_id(run_id))

    def ship(path: str) -> list[str]:
        with alone_with(spool, path):
            file = kept.path(path)
            try:
                inode = file.stat().st_ino
                digest = put_file(store, file, root + check_artifact_path(path))
            except (FileNotFoundError, NotFound):
                return []  # somebody else has shipped it
            note({path: digest})
            _drop_if(file, inode)
            _prune(file.parent, spool)
            return [path]

    shipped = together(ship, [entry.key for entry in kept.list("")])
    _away_until.pop(spool, None)
    with suppress(OSError):  # something has been kept since
        spool.rmdir()
    return [path for paths in shipped for path in paths]


def _drop_if(file: Path, inode: int) -> None:
    """Remove the file unless another has taken its name since: then that one stays, to be shipped in its turn."""
    aside = file.with_name(f"{TEMPORARY}{os.urandom(8).hex()}")
    with suppress(FileNotFoundError):
        file.rename(aside)
        if aside.stat().st_ino != inode:
            with suppress(FileExistsError):  # a third one, newer still
                os.link(aside, file)
        aside.unlink()


def _prune(folder: Path, spool: Path) -> None:
    with suppress(OSError):  # not empty, or gone already
        while folder != spool:
            folder.rmdir()
            folder = folder.parent
