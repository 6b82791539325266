"""One workspace for each store in this process, and what becomes of its runs when the process ends."""

from __future__ import annotations

import atexit
from threading import Lock

from mlflow.tracking import fluent

from stageline.mlflow_plugin.addresses import store_url
from stageline.workspace import Workspace

_opened: dict[str | None, Workspace] = {}
_lock = Lock()


def workspace_at(uri: str) -> Workspace:
    """The workspace that a tracking or registry URI means: MLflow builds stores anew, runs stay open. Sends nothing.

    Raises:
        InvalidInput: nothing here can open it.
    """
    return opened(store_url(uri))


def opened(url: str | None) -> Workspace:
    """The same by the store's own URL; None: the store of the settings."""
    with _lock:
        if url not in _opened:
            if not _opened:
                _leave_at_exit()
            _opened[url] = Workspace.open(url)
        return _opened[url]


def _leave_at_exit() -> None:
    atexit.register(_leave)
    # Last come, first called: MLflow ends the active run at exit too, and should find its log still open.
    end_run = getattr(fluent, "_safe_end_run", None)
    if end_run is not None:
        atexit.unregister(end_run)
        atexit.register(end_run)


def _leave() -> None:
    for workspace in _opened.values():
        workspace.runs.close()
