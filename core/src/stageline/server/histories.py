"""Long histories that are read in pages, kept for a moment: each page would read all of it again."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stageline.domain.run import MetricPoint
    from stageline.workspace import Workspace

MOST = 4
MOST_POINTS = 2_000_000
"""All of them together; some 200 bytes each."""
FOR_S = 60.0


class Kept(NamedTuple):
    """A history as it was read."""

    points: list[MetricPoint]
    until: float


class Histories:
    """Safe from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._lock = Lock()

    def points(self, run_id: str, key: str, *, goes_on: bool, page: int) -> list[MetricPoint]:
        """All points of a metric; where a reader `goes_on` with the next page, as they were for the one before."""
        with self._lock:
            kept = self._kept.get((run_id, key)) if goes_on else None
        if kept is not None and kept.until > time.monotonic():
            return kept.points
        # The same point twice is one, as everywhere in MLflow: clients repeat points to say whose they are.
        points = list(dict.fromkeys(self._workspace.runs.metric_history(run_id, key)))
        if page < len(points) <= MOST_POINTS:
            self._keep((run_id, key), points)
        return points

    def _keep(self, key: tuple[str, str], points: list[MetricPoint]) -> None:
        now = time.monotonic()
        with self._lock:
            self._kept[key] = Kept(points, now + FOR_S)
            self._kept.move_to_end(key)
            for old in [k for k, kept in self._kept.items() if kept.until <= now]:
                del self._kept[old]
            while len(self._kept) > MOST or self._count() > MOST_POINTS:
                self._kept.popitem(last=False)

    def _count(self) -> int:
        return sum(len(kept.points) for kept in self._kept.values())
