"""The metrics of a run as a table of figures: last, least and greatest value, how many points, and their course."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from stageline.tracking.reading import RunReader
from stageline.ui.sparkline import spark_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stageline.domain.run import Run
    from stageline.storage.series import Series
    from stageline.tracking.reading import StoredRun
    from stageline.workspace import Workspace

MOST_COURSES = 200
"""Metrics whose points are read; of the others a run's summary has the last value."""
SYSTEM = "system/"
"""What the keys of a machine's own figures begin with."""


class Course(NamedTuple):
    """One metric."""

    key: str
    last: float
    step: int
    points: int | None = None
    """How many, of all attempts; None where they were not read."""
    low: float | None = None
    high: float | None = None
    path: str = ""
    """`d` of the SVG path of the last attempt's points; empty where there is nothing to see."""


class Courses(NamedTuple):
    """The metrics of a run, by key; those of the machine apart."""

    own: list[Course]
    system: list[Course]

    def __len__(self) -> int:
        return len(self.own) + len(self.system)


def read_courses(workspace: Workspace, stored: StoredRun, run: Run) -> Courses:
    """All metrics; each segment of the run's log is read once."""
    keys = sorted(run.metrics, key=lambda key: (key.startswith(SYSTEM), key))
    reader = RunReader(workspace.store, workspace.spool)
    columns = reader.columns(stored, keys[:MOST_COURSES]) if keys else {}
    own: list[Course] = []
    system: list[Course] = []
    for key in keys:
        last = run.metrics[key]
        course = _course(key, last.value, last.step, columns.get(key, {}))
        (system if key.startswith(SYSTEM) else own).append(course)
    return Courses(own, system)


def _course(key: str, last: float, step: int, by_attempt: Mapping[int, Series]) -> Course:
    if not by_attempt:
        return Course(key, last, step)
    finite = [v for series in by_attempt.values() for v in series.values if math.isfinite(v)]
    return Course(
        key,
        last,
        step,
        points=sum(len(series) for series in by_attempt.values()),
        low=min(finite, default=None),
        high=max(finite, default=None),
        path=_path(by_attempt[max(by_attempt)]),
    )


def _path(series: Series) -> str:
    return spark_path(_by_step(series)) if len(series) > 1 else ""


def _by_step(series: Series) -> Sequence[float]:
    """The values in the order of their steps; a writer nearly always logged them so."""
    steps = series.steps
    if all(steps[at] <= steps[at + 1] for at in range(len(steps) - 1)):
        return series.values
    order = sorted(range(len(steps)), key=lambda at: (steps[at], series.timestamps[at]))
    return [series.values[at] for at in order]
