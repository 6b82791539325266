"""Series as lines of a chart: their axis, the stretch that is looked at, and few enough points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.ui.charts.thinning import thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from stageline.storage.series import Series

AXES = ("step", "time", "relative")
DIGITS = 6
"""Significant digits of a value that is drawn: finer than a pixel, and a third of the bytes."""


class Stretch(NamedTuple):
    """The part of the axis that is looked at, both ends included; None is open."""

    low: float | None = None
    high: float | None = None


WHOLE = Stretch()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one run, as it is drawn."""

    run_id: str
    key: str
    attempt: int
    is_last: bool
    """Whether no later attempt has points of the metric."""
    x: list[float]
    y: list[float]
    total: int
    """Points in the stretch, of which these are drawn."""
    left_out: int = 0
    """Points that no chart can show: NaN or infinite."""


def lines_of(
    run_id: str,
    key: str,
    attempts: dict[int, Series],
    *,
    axis: str = "step",
    stretch: Stretch = WHOLE,
    is_log: bool = False,
    most: int,
) -> list[Line]:
    """The lines of a metric of a run, one for each attempt that has points there.

    `time` is Unix time in milliseconds, `relative` seconds since the first point of the metric. With `is_log` the
    points are spread evenly over a logarithmic axis, which has none at zero or below.
    """
    if not attempts:
        return []
    origin = min(min(series.timestamps) for series in attempts.values())
    lines = []
    for attempt, series in sorted(attempts.items()):
        x, y, left_out = _within(_columns(series, axis, origin), stretch, is_log)
        places = thinned(_spread(x, is_log), y, most)
        lines.append(
            Line(
                run_id=run_id,
                key=key,
                attempt=attempt,
                is_last=attempt == max(attempts),
                x=x[places].tolist(),
                y=[_rounded(value) for value in y[places].tolist()],
                total=len(y),
                left_out=left_out,
            )
        )
    return lines


def note(lines: Sequence[Line]) -> str:
    """What a reader should know of points that are not drawn; empty where all are.

    >>> lines = [Line(run_id="r", key="k", attempt=1, is_last=True, x=[0.0], y=[1.0], total=1_000_000)]
    >>> note(lines)
    '1 of 1,000,000 points'
    """
    shown, total = sum(len(line.y) for line in lines), sum(line.total for line in lines)
    left_out = sum(line.left_out for line in lines)
    parts = [f"{shown:,} of {total:,} points"] if shown < total else []
    if left_out:
        parts.append(f"{left_out:,} NaN or infinite not drawn")
    return ", ".join(parts)


def _columns(series: Series, axis: str, origin: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Both axes, ascending along x; of points at one place, as they were logged."""
    import numpy as np

    steps = np.frombuffer(series.steps, dtype=np.int64)
    times = np.frombuffer(series.timestamps, dtype=np.int64)
    values = np.frombuffer(series.values, dtype=np.float64)
    x = steps if axis == "step" else times
    if np.any(x[1:] < x[:-1]):
        order = np.lexsort((times, x))
        x, values = x[order], values[order]
    return ((x - origin) / 1000 if axis == "relative" else x), values


def _within(
    columns: tuple[NDArray[Any], NDArray[np.float64]], stretch: Stretch, is_log: bool
) -> tuple[NDArray[Any], NDArray[np.float64], int]:
    """The stretch, with one point beyond each end so that a line leaves the picture, and only what can be drawn."""
    import numpy as np

    x, y = columns
    low, high = stretch
    start = 0 if low is None else max(int(np.searchsorted(x, low, "left")) - 1, 0)
    end = len(x) if high is None else int(np.searchsorted(x, high, "right")) + 1
    x, y = x[start:end], y[start:end]
    is_drawn = np.isfinite(y)
    left_out = int(len(y) - is_drawn.sum())
    if is_log:
        is_drawn &= x > 0
    return (x, y, 0) if is_drawn.all() else (x[is_drawn], y[is_drawn], left_out)


def _spread(x: NDArray[Any], is_log: bool) -> NDArray[Any]:
    import numpy as np

    return np.log10(x.astype(np.float64)) if is_log else x


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value
