"""Values as people read them: numbers, times, sizes, sparklines. Pure; the printing is in `tables`."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime

_BLOCKS = "▁▂▃▄▅▆▇█"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


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
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def ago(then_ms: int, now_ms: int) -> str:
    """How long ago something was, in one unit; the day itself after a month.

    >>> ago(1_000, 4_000), ago(0, 7_200_000)
    ('3s ago', '2h ago')
    """
    seconds = (now_ms - then_ms) // 1_000
    if seconds < 1:
        return "just now"
    if seconds >= 30 * 86_400:
        return moment(then_ms)[:10]
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{seconds // size}{unit} ago"


def moment(milliseconds: int) -> str:
    """A time on this machine's clock."""
    return datetime.fromtimestamp(milliseconds / 1_000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


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


def clean(text: str) -> str:
    """`text` on one line, without characters that would command the terminal.

    >>> clean("a\\x1b[31mb\\nc")
    'a?[31mb c'
    """
    return "".join(
        " " if c in "\t\n\r" else "?" if unicodedata.category(c) in ("Cc", "Cs") else c
        for c in text
    )


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else None


def _block(value: float, low: float, high: float) -> str:
    if high <= low:
        return _BLOCKS[3]
    # Halved, because the span of two huge numbers may itself be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BLOCKS[round(share * (len(_BLOCKS) - 1))]
