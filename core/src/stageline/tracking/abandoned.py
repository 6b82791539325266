"""How much lies on this machine that a process logged, did not ship, and can not ship any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.storage.wal import is_written
from stageline.tracking.reaping import spooled_logs

if TYPE_CHECKING:
    from pathlib import Path


def abandoned_bytes(spool: Path | None) -> int:
    """Bytes of the logs in a store's spool that no living process writes; None: there is no spool.

    A log counts whole: what of it had been shipped is known only to whoever ships the rest.
    """
    if spool is None or not spool.is_dir():
        return 0
    return sum(map(_bytes_of, spooled_logs(spool)))


def _bytes_of(path: Path) -> int:
    try:
        return 0 if is_written(path) else path.stat().st_size
    except FileNotFoundError:
        return 0  # somebody has just shipped it
