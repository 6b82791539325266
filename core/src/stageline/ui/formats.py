"""How values are written on pages: numbers, times, sizes. The filters of the templates."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from markupsafe import Markup

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
"""As wide as a plus, so that columns of digits stand."""
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_AGES = ((365 * 86_400, "y"), (30 * 86_400, "mo"), (86_400, "d"), (3600, "h"), (60, "min"))


def number(value: float | int | None) -> str:
    """Four significant digits, and all digits of a whole number: `0.1235`, `12,346`, `1.2e-05`."""
    if value is None:
        return NOTHING
    if isinstance(value, float) and not math.isfinite(value):
        return (
            "NaN" if math.isnan(value) else "\N{INFINITY}" if value > 0 else f"{MINUS}\N{INFINITY}"
        )
    size = abs(value)
    if size == int(size) and size < 1e15:
        text = f"{int(value):,}"
    elif 1000 <= size < 1e7:
        text = f"{value:,.{1 if size < 10_000 else 0}f}"
    elif 1e-4 <= size < 1000:
        text = f"{value:.4g}"
    else:
        text = f"{value:.3e}"
    return text.replace("-", MINUS, 1) if value < 0 else text


def signed(value: float | None) -> str:
    """A number with its sign, as differences are written: `+0.012`."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"+{number(value)}" if value > 0 else number(value)


def duration(milliseconds: float | None) -> str:
    """`420 ms`, `3.2 s`, `12 min 5 s`, `3 h 20 min`, `2 d 4 h`."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller, name in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {name}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def nbytes(size: int | None) -> str:
    """`512 B`, `1.5 KB`, `1.2 GB`, by steps of 1,024."""
    if size is None:
        return NOTHING
    amount, step = float(size), 0
    while amount >= 1023.5 and step < len(_UNITS) - 1:
        amount, step = amount / 1024, step + 1
    digits = 0 if step == 0 or amount >= 99.95 else 1
    return f"{amount:.{digits}f} {_UNITS[step]}"


def absolute(milliseconds: int | None) -> str:
    """`2026-03-01 12:30:05 UTC` of Unix time in milliseconds."""
    if milliseconds is None:
        return NOTHING
    return _moment(milliseconds).strftime("%Y-%m-%d %H:%M:%S UTC")


def age(milliseconds: int, now_ms: int) -> str:
    """`just now`, `5 min ago`, `3 d ago`, `in 2 h`."""
    seconds = (now_ms - milliseconds) // 1000
    for size, unit in _AGES:
        if abs(seconds) >= size:
            amount = abs(seconds) // size
            return f"{amount} {unit} ago" if seconds > 0 else f"in {amount} {unit}"
    return "just now"


def time_element(milliseconds: int | None, now_ms: int) -> str | Markup:
    """How long ago, with the moment itself on hover. A script keeps it fresh."""
    if not milliseconds:
        return NOTHING
    moment = _moment(milliseconds).isoformat().replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        moment, absolute(milliseconds), age(milliseconds, now_ms)
    )


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 run`, `2,000 runs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _moment(milliseconds: int) -> datetime:
    # A clock that went wrong must not take a page down: the years that exist are 1 to 9999.
    seconds = min(max(milliseconds / 1000, -62_135_596_800), 253_402_300_799)
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


FILTERS: dict[str, Any] = {
    "number": number,
    "signed": signed,
    "duration": duration,
    "bytes": nbytes,
    "absolute": absolute,
    "plural": plural,
}
"""By their names in templates; `ago` is added by `rendering`, because it needs the clock."""
