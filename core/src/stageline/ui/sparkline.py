"""The course of a series as the path of a small SVG drawing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 120, 24
_MARGIN = 2.0
_COLUMNS = 60


def spark_path(values: Sequence[float], width: int = WIDTH, height: int = HEIGHT) -> str:
    """The `d` of a path through `values` at even distances, interrupted where they are not finite.

    Of many values each column of the drawing keeps its lowest and its highest, so a spike stays visible.

    >>> spark_path([0, 1, 2], 10, 10)
    'M2,8L5,5L8,2'
    >>> spark_path([math.nan]), spark_path([3.0], 10, 10)
    ('', 'M2,5L2,5')
    """
    kept = _thinned(values)
    finite = [value for _, value in kept if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    last = max(kept[-1][0], 1)
    path, pen = [], "M"
    for place, value in kept:
        if not math.isfinite(value):
            pen = "M"
            continue
        x = _MARGIN + (width - 2 * _MARGIN) * place / last
        y = height - _MARGIN - (height - 2 * _MARGIN) * _share(value, low, high)
        path.append(f"{pen}{x:.4g},{y:.4g}")
        pen = "L"
    if len(path) == 1:  # a round line cap makes a dot of a line without length
        path.append("L" + path[0][1:])
    return "".join(path)


def _thinned(values: Sequence[float]) -> list[tuple[int, float]]:
    """At most two values for each column, with their places."""
    count = len(values)
    if count <= 2 * _COLUMNS:
        return list(enumerate(values))
    kept: list[tuple[int, float]] = []
    for column in range(_COLUMNS):
        first, end = count * column // _COLUMNS, count * (column + 1) // _COLUMNS
        finite = [place for place in range(first, end) if math.isfinite(values[place])]
        if not finite:
            kept.append((first, math.nan))
            continue
        ends = {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)}
        kept += [(place, values[place]) for place in sorted(ends)]
    return kept


def _share(value: float, low: float, high: float) -> float:
    # Halved, because the span of two huge numbers may itself be infinite.
    return 0.5 if high <= low else (value / 2 - low / 2) / (high / 2 - low / 2)
