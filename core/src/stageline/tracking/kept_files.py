"""Artifacts that the store would not take: kept in a spool folder, under their artifact paths, until it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from stageline.domain.names import check_artifact_path, check_run_id
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.keys import TEMPORARY
from stageline.storage.local import LocalStore
from stageline.storage.transfer import Digest, in_parallel, put_file

if TYPE_CHECKING:
    from pathlib import Path

    from stageline.storage.port import ObjectStore

Note = Callable[[Mapping[str, "Digest | None"]], None]
"""Puts files into a run's manifest, or takes them out where the digest is None. Called from several threads."""


def open_spool(folder: Path) -> LocalStore:
    """The spool as a store whose files survive a loss of power."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(folder, durability="fsync")


def ship_spooled(
    store: ObjectStore,
    run_id: str,
    spool: Path,
    note: Note,
    *,
    alone_with: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> list[str]:
    """Put every file of `spool` under the run, note it and remove it from the spool; the artifact paths.

    May be repeated after a crash between any two steps, or while another process does the same. `alone_with`
    keeps a live writer of the run from putting the same path meanwhile.

    Raises:
        StorageFailed: the store is still away; what has not been shipped is still in the spool.
    """
    if not spool.is_dir():
        return []
    kept = LocalStore(spool)
    root = layout.run_artifacts(check_run_id(run_id))

    def ship(path: str) -> list[str]:
        with alone_with(path):
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

    shipped = in_parallel(ship, [entry.key for entry in kept.list("")])
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
