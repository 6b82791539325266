"""What the URL of a page of charts says: which kind, which axes, which runs. It is the whole state of the page."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from stageline.ui.charts.dimensions import Brush, parse_brush
from stageline.ui.charts.lines import AXES

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

KINDS = ("lines", "bars", "scatter", "contour", "box", "parallel", "images")
MOST_SMOOTH = 0.99
MOST_LINES = 50
"""Runs in a chart of lines: more of them are one tangle, and each is read from the store."""
USUAL_LINES = 10


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen; empty is for the page to fill with what fits."""

    kind: str = ""
    metrics: list[str] = []
    """Keys, each a chart of lines or bars."""
    axis: str = "step"
    x_log: bool = False
    y_log: bool = False
    smooth: float = 0.0
    """Weight of what came before in an exponential moving average, 0 to 0.99."""
    across: str = ""
    """A dimension, as `params.alpha`; so are the next two."""
    up: str = ""
    colour: str = ""
    axes: list[str] = []
    brushes: list[Brush] = []
    runs: list[str] = []
    top: int = USUAL_LINES


def read_choice(query: QueryParams) -> Choice:
    """The choice in a URL. What makes no sense there counts as not chosen: a link never fails for it."""
    brushes = [parse_brush(text) for text in query.getlist("brush")]
    return Choice(
        kind=_one_of(query.get("kind", ""), KINDS, ""),
        metrics=_distinct(query.getlist("metric")),
        axis=_one_of(query.get("x", ""), AXES, "step"),
        x_log=query.get("xlog") == "1",
        y_log=query.get("ylog") == "1",
        smooth=min(max(as_float(query.get("smooth")) or 0.0, 0.0), MOST_SMOOTH),
        across=query.get("across", ""),
        up=query.get("up", ""),
        colour=query.get("colour", ""),
        axes=_distinct(query.getlist("axis")),
        brushes=[brush for brush in brushes if brush is not None],
        runs=_distinct(query.getlist("run")),
        top=int(min(max(as_float(query.get("top")) or USUAL_LINES, 1), MOST_LINES)),
    )


def as_float(text: str | None) -> float | None:
    """A finite number, or None."""
    with suppress(ValueError, TypeError):
        value = float(text or "")
        return value if value - value == 0 else None
    return None


def _one_of(text: str, known: tuple[str, ...], otherwise: str) -> str:
    return text if text in known else otherwise


def _distinct(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
