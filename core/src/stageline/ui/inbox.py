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
    """Open requests, kept for some seconds. Safe from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._counted_ms: int | None = None
        self._models: list[str] | None = None

    def models(self) -> list[str] | None:
        """The model of each request that is open; None where the registry can not be read: its pages say why."""
        with self._lock:
            now_ms = self._workspace.clock.now_ms()
            if self._counted_ms is None or not 0 <= now_ms - self._counted_ms < FRESH_MS:
                self._counted_ms = now_ms
                self._models = self._looked_up()
            return self._models

    def forget(self) -> None:
        """Look again at the next page: somebody has just decided something."""
        with self._lock:
            self._counted_ms = None

    def _looked_up(self) -> list[str] | None:
        try:
            return [name for name, _ in self._workspace.registry.requests()]
        except StagelineError as error:
            _log.warning("open requests could not be counted: %s", error)
            return None
