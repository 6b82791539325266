"""How many requests wait for somebody's word: the number in the sidebar of every page."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from stageline.errors import StagelineError

if TYPE_CHECKING:
    from stageline.workspace import Workspace

FRESH_MS = 5_000
"""Looked at again by the first page after that: one listing, and a read for each model that has changed."""

_log = logging.getLogger("stageline")


class Inbox:
    """The count, kept for some seconds. Safe from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._counted_ms: int | None = None
        self._count: int | None = None

    def count(self) -> int | None:
        """Requests that are open; None where the registry can not be read, which is that page's to tell."""
        with self._lock:
            now_ms = self._workspace.clock.now_ms()
            if self._counted_ms is None or not 0 <= now_ms - self._counted_ms < FRESH_MS:
                self._counted_ms = now_ms
                self._count = self._counted()
            return self._count

    def forget(self) -> None:
        """Look again at the next page: somebody has just decided something."""
        with self._lock:
            self._counted_ms = None

    def _counted(self) -> int | None:
        try:
            return len(self._workspace.registry.requests())
        except StagelineError as error:
            _log.warning("open requests could not be counted: %s", error)
            return None
