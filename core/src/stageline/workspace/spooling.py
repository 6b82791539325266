"""Where the logs of an opened store wait on this machine until they are sent."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.storage.local import LocalStore

if TYPE_CHECKING:
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore


def spool_of(store: ObjectStore, settings: Settings) -> Path | None:
    """Where logs lie on their way to `store`; None if they lie in it."""
    if isinstance(store, LocalStore):
        return None
    if store.url.startswith("memory:"):
        # Gone with the process, and so may be what was meant for it.
        folder = tempfile.mkdtemp(prefix="stageline-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)
    return settings.spool_folder / hashlib.sha256(store.url.encode()).hexdigest()[:16]
