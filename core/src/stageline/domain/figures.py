"""Figures as people read them: numbers, spans of time, sizes, a series as one line of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
"""Seconds in each unit of time, and its sign."""


def number(value: float) -> str:
    """A metric's value in at most six significant digits.

    >>> number(0.123456789), number(3.0), number(1e-9), number(math.nan)
    ('0.123457', '3', '1e-09', 'nan')
    """
    return f"{value:.6g}"


def duration(milliseconds: float) -> str:
    """A span of time in its two greatest units.

    >>> duration(93), duration(2_500), duration(125_000), duration(90_061_000)
    ('93ms', '2.5s', '2m 5s', '1d 1h')
    """
    if milliseconds < 1_000:
        return f"{max(milliseconds, 0):.0f}ms"
    seconds = milliseconds / 1_000
    if seconds < 60:
        return f"{seconds:.1f}s"
    left = int(seconds)
    parts: list[str] = []
    for size, unit in UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def file_size(size: int) -> str:
    """A number of bytes.

    >>> file_size(900), file_size(1_500), file_size(2_300_000)
    ('900 B', '1.5 kB', '2.3 MB')
    """
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1_000 or unit == "TB":
            break
        value /= 1_000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """A series as one line of blocks, each the mean of what falls into it; a dot where nothing is finite.

    >>> sparkline([0, 1, 2, 3]), sparkline([5, 5]), sparkline([0, math.nan, 1])
    ('▁▃▆█', '▄▄', '▁·█')
    """
    count = min(len(values), width)
    means = [
        _mean(values[len(values) * i // count : len(values) * (i + 1) // count])
        for i in range(count)
    ]
    finite = [mean for mean in means if mean is not None]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join("·" if mean is None else _block(mean, low, high) for mean in means)


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else None


def _block(value: float, low: float, high: float) -> str:
    if high <= low:
        return _BLOCKS[3]
    # Halved, because the span of two huge numbers may itself be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BLOCKS[round(share * (len(_BLOCKS) - 1))]
