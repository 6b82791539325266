"""Values as people read them in a terminal: figures, times, text. Pure; the printing is in `tables`."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from stageline.domain.figures import UNITS, duration, file_size, number, sparkline

__all__ = ["ago", "clean", "duration", "file_size", "moment", "number", "sparkline"]


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
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    return f"{seconds // size}{unit} ago"


def moment(milliseconds: int) -> str:
    """A time on this machine's clock."""
    return datetime.fromtimestamp(milliseconds / 1_000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clean(text: str) -> str:
    """`text` on one line, without characters that would command the terminal.

    >>> clean("a\\x1b[31mb\\nc")
    'a?[31mb c'
    """
    return "".join(
        " " if c in "\t\n\r" else "?" if unicodedata.category(c) in ("Cc", "Cs") else c
        for c in text
    )
