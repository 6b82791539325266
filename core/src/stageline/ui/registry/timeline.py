"""The drawing of a model's history: lanes, bars and marks with their places, for a template to write as SVG."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from stageline.ui.registry.lanes import marks, stays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.registry.history_entry import HistoryEntry
    from stageline.ui.registry.lanes import Mark, Stay

WIDTH = 1120
LEFT = 110
"""Where the names of the lanes end."""
ROW = 26
HEAD = 24
GAP = 12
MOST_ROWS = 8
"""Versions at once in a lane; how many more there are is said."""
_TICKS = 6
_LEAST_BAR = 4.0


class Bar(NamedTuple):
    """A stay with its place."""

    stay: Stay
    x: float
    y: float
    width: float
    height: float
    is_open: bool
    fits_name: bool


class Dot(NamedTuple):
    """A mark with its place."""

    mark: Mark
    x: float
    y: float


class Lane(NamedTuple):
    """A stage, with what was in it."""

    stage: str
    y: float
    height: float
    bars: Sequence[Bar]
    dots: Sequence[Dot]
    left_out: int


class Tick(NamedTuple):
    """A moment on the axis."""

    x: float
    text: str


class Timeline(NamedTuple):
    """The whole of it."""

    width: int
    height: float
    left: int
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]
    begin: int
    end: int

    def x(self, when: int) -> float:
        """Where a moment is."""
        return _x(when, self.begin, self.end)


def draw_timeline(
    entries: Sequence[HistoryEntry], now_ms: int, *, with_first: bool = False
) -> Timeline | None:
    """The lanes of the stages, the last stage on top; None if nothing happened. The first stage is where all begin."""
    if not entries:
        return None
    begin = min(one.time for one in entries)
    end = max(now_ms, *(one.time for one in entries))
    end = max(end, begin + 60_000)  # a history of one moment still has a width
    state = next((one.state for one in reversed(entries) if one.state.is_active), entries[-1].state)
    known, decided = stays(entries), marks(entries)
    names = list(dict.fromkeys((*state.stages, *(one.stage for one in known))))
    if not with_first:
        names.remove(state.initial_stage)
    names.sort(key=lambda name: name != state.to_model().final_stage)
    lanes: list[Lane] = []
    y = float(HEAD)
    for name in names:
        lane = _lane(
            name, y, [one for one in known if one.stage == name],
            [one for one in decided if one.stage == name], begin, end,
        )  # fmt: skip
        lanes.append(lane)
        y += lane.height + GAP
    return Timeline(WIDTH, y, LEFT, lanes, _ticks(begin, end), begin, end)


def _lane(
    name: str, y: float, known: Sequence[Stay], decided: Sequence[Mark], begin: int, end: int
) -> Lane:
    rows: list[int] = []
    bars: list[Bar] = []
    left_out = 0
    for stay in known:
        row = next((place for place, free in enumerate(rows) if free <= stay.begin), len(rows))
        if row >= MOST_ROWS:
            left_out += 1
            continue
        ends = end + 1 if stay.end is None else stay.end
        rows[row : row + 1] = [ends]
        x = _x(stay.begin, begin, end)
        width = max(_x(min(ends, end), begin, end) - x, _LEAST_BAR)
        bars.append(Bar(stay, x, y + row * ROW + 3, width, ROW - 6, stay.end is None, width >= 28))
    height = max(len(rows), 1) * ROW
    dots = [Dot(one, _x(one.time, begin, end), y + height) for one in decided]
    return Lane(name, y, height, bars, dots, left_out)


def _x(when: int, begin: int, end: int) -> float:
    inner = WIDTH - LEFT - 12
    share = (min(max(when, begin), end) - begin) / (end - begin)
    return round(LEFT + share * inner, 1)


def _ticks(begin: int, end: int) -> list[Tick]:
    span = end - begin
    day = 86_400_000
    form = "%H:%M:%S" if span < 600_000 else "%d %b %H:%M" if span < 5 * day else "%d %b %Y"
    moments = [begin + span * step // (_TICKS - 1) for step in range(_TICKS)]
    return [
        Tick(
            _x(one, begin, end),
            datetime.fromtimestamp(one / 1000, tz=timezone.utc).strftime(form),
        )
        for one in moments
    ]
