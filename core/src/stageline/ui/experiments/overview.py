"""How the runs of each experiment stand, out of the index: never by reading runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Entity
from stageline.tracking.run_table import Selection
from stageline.ui.experiments.primary import chosen_metric, experiment_metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.experiment import Experiment
    from stageline.domain.run import RunStatus
    from stageline.tracking.run_table import RunTable
    from stageline.ui.primary import Primary
    from stageline.workspace import Workspace

STRIP = 16
"""Runs of the strip, the latest."""
AT_ONCE = 16


class LastRun(NamedTuple):
    """One of the latest runs."""

    run_id: str
    name: str
    status: RunStatus
    start_time: int
    duration_ms: int


class Overview(NamedTuple):
    """The runs of one experiment that are not deleted."""

    total: int = 0
    last: tuple[LastRun, ...] = ()
    """The latest first."""
    metric: Primary | None = None
    best: float | None = None
    """The best value of the metric; None where nobody knows which is better, or no run has it."""


class Overviews:
    """The overviews of a workspace, kept for some seconds. Safe from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: dict[str, tuple[int, dict[str, str], Overview]] = {}

    def of(self, experiments: Iterable[Experiment], *, since_ms: int) -> list[Overview]:
        """One for each, that was read at `since_ms` or later; two listings where the index is asked.

        Raises:
            StorageFailed: the store does not answer.
        """
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="overview") as threads:
            return list(threads.map(lambda one: self._one(one, since_ms), experiments))

    def _one(self, experiment: Experiment, since_ms: int) -> Overview:
        read_ms, tags, kept = self._kept.get(experiment.experiment_id, (-1, {}, Overview()))
        if read_ms >= since_ms and tags == experiment.tags:
            return kept
        now_ms = self._workspace.clock.now_ms()
        found = self._read(experiment)
        self._kept[experiment.experiment_id] = now_ms, experiment.tags, found
        return found

    def _read(self, experiment: Experiment) -> Overview:
        table = self._workspace.run_table(experiment.experiment_id)
        total = sum(table.counts_by(Entity.ATTRIBUTE, "status", Selection()).values())
        if not total:
            return Overview()
        metric = chosen_metric(experiment) or experiment_metric(experiment, table.columns())
        return Overview(total, self._last(table), metric, _best(table, metric))

    def _last(self, table: RunTable) -> tuple[LastRun, ...]:
        rows = table.rows(Selection(), (), limit=STRIP)
        open_ids = [row.run_id for row in rows if not row.status.is_terminal]
        settled = self._workspace.settled(table, open_ids)
        now_ms = self._workspace.clock.now_ms()
        found = []
        for row in rows:
            status, end_time = row.status, row.end_time
            if row.run_id in settled:
                status, end_time = (
                    settled[row.run_id].info.status,
                    settled[row.run_id].info.end_time,
                )
            took_ms = max(0, (now_ms if end_time is None else end_time) - row.start_time)
            found.append(LastRun(row.run_id, row.run_name, status, row.start_time, took_ms))
        return tuple(found)


def _best(table: RunTable, metric: Primary | None) -> float | None:
    if metric is None or not metric.sign:
        return None
    ends = table.extremes([metric.key], Selection()).get(metric.key)
    return None if ends is None else ends[0 if metric.sign < 0 else 1]
