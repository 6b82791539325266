"""Rows of the runs table as they are drawn: texts, marks, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.query import Entity
from stageline.ui.charts.palette import colours
from stageline.ui.formats import NOTHING, duration, number

if TYPE_CHECKING:
    from stageline.domain.run import Run, RunStatus
    from stageline.tracking.run_table import Cells
    from stageline.ui.runs_table.columns import Column

LONGEST = 60
"""Characters of a cell; all of them are on hover."""
LONGEST_NUMBER = 10
LONGEST_TITLE = 2_000


class Best(NamedTuple):
    """The best value of a metric among all that match."""

    value: float
    end: str
    """`most` or `least`."""


class Cell(NamedTuple):
    """One cell."""

    column: str
    text: str
    whole: str = ""
    """All of it, where `text` is not."""
    is_number: bool = False
    best: str = ""
    """`most` or `least`, of the one that is best by being so."""
    time_ms: int | None = None
    """Of a moment: `text` is empty."""


class RunRow(NamedTuple):
    """One run."""

    run_id: str
    name: str
    status: RunStatus
    cells: list[Cell]
    """In the order of the columns; of status and name, only where they stand."""
    colour: int
    depth: int
    children: int
    is_selected: bool
    is_pinned: bool


class RowMaker:
    """Makes the rows of one page."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        selected: frozenset[str],
        pinned: frozenset[str],
        children: Mapping[str, int],
        best: Mapping[str, Best],
        settled: Mapping[str, Run],
        colour_order: Sequence[str],
        now_ms: int,
    ) -> None:
        self._columns = columns
        self._selected = selected
        self._pinned = pinned
        self._children = children
        self._best = best
        self._settled = settled
        self._colours = colours(colour_order)
        self._now_ms = now_ms

    def row(self, cells: Cells, depth: int) -> RunRow:
        """One run at a depth of nesting."""
        settled = self._settled.get(cells.run_id)
        if settled is not None:
            cells = cells._replace(status=settled.info.status, end_time=settled.info.end_time)
        values = iter(cells.values)
        drawn = [
            self._attribute(column.name, cells)
            if column.is_attribute
            else self._value(column, next(values))
            for column in self._columns
        ]
        return RunRow(
            run_id=cells.run_id,
            name=cells.run_name or cells.run_id[:12],
            status=cells.status,
            cells=drawn,
            colour=self._colours[cells.run_id],
            depth=depth,
            children=self._children.get(cells.run_id, 0),
            is_selected=cells.run_id in self._selected,
            is_pinned=cells.run_id in self._pinned,
        )

    def _attribute(self, name: str, cells: Cells) -> Cell:
        if name == "started":
            return Cell(name, "", time_ms=cells.start_time)
        if name == "duration":
            lasted = (cells.end_time or self._now_ms) - cells.start_time
            return Cell(name, duration(max(lasted, 0)), is_number=True)
        texts = {"user": cells.user_id, "run_id": cells.run_id}
        return _text(name, texts.get(name, ""))

    def _value(self, column: Column, value: Any) -> Cell:
        if value is None:
            return Cell(column.name, "", is_number=column.is_number)
        if column.entity is not Entity.METRIC:
            text = str(value)
            if not column.is_number or len(text) <= LONGEST_NUMBER:
                return _text(column.name, text, is_number=column.is_number)
            return Cell(column.name, _shortened(text), text[:LONGEST_TITLE], True)
        found = float(value)  # also the text that stands for what is no number
        shown = number(found)
        whole = "" if shown == repr(found) else repr(found)
        best = self._best.get(column.name)
        is_best = best is not None and best.value == found
        return Cell(column.name, shown, whole, True, best.end if best and is_best else "")


def _shortened(text: str) -> str:
    try:
        return number(float(text))
    except ValueError:  # one text among numbers
        return text[:LONGEST]


def _text(name: str, text: str, *, is_number: bool = False) -> Cell:
    line = " ".join(text.split())
    if len(line) <= LONGEST:
        return Cell(name, line or (NOTHING if text else ""), "", is_number)
    return Cell(name, line[: LONGEST - 1] + "…", text[:LONGEST_TITLE], is_number)
