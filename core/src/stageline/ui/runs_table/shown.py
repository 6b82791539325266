"""One view of the runs table, read from the index and made ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Comparison, Entity
from stageline.domain.run import TAG_PARENT_RUN_ID, RunStatus
from stageline.tracking.run_table import Cells, RunTable, Selection
from stageline.ui.experiments.primary import experiment_metric
from stageline.ui.primary import Primary, sign_of
from stageline.ui.runs_table.asked import ROWS, Asked
from stageline.ui.runs_table.columns import Catalogue, Column
from stageline.ui.runs_table.filtering import FilterError, read_box
from stageline.ui.runs_table.rows import Best, RowMaker, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.domain.experiment import Experiment
    from stageline.workspace import Workspace

MOST_CHILDREN = 200
"""Shown under one parent; all of them are found by a filter."""
DEEPEST = 6
STRIP = 30
NAME = Column("name", Entity.ATTRIBUTE, "run_name")
_STATUS = (Entity.ATTRIBUTE, "status")


class Opened(NamedTuple):
    """The table of one experiment, and what the address asks of it."""

    workspace: Workspace
    table: RunTable
    catalogue: Catalogue
    primary: Primary | None
    columns: list[Column]
    asked: Asked
    selected: Selection
    counted: Selection
    """The same in any state."""
    problem: FilterError | None
    now_ms: int

    @property
    def keys(self) -> list[tuple[Entity, str]]:
        """Of the columns that not every run has."""
        return [column.address for column in self.columns if not column.is_attribute]


@dataclass
class Shown:
    """What the page draws."""

    rows: list[RunRow] = field(default_factory=list)
    pinned: list[RunRow] = field(default_factory=list)
    count: int = 0
    """Of the page, those that are counted in `total`."""
    total: int = 0
    """Runs that match; where children are folded, without these."""
    folded: int = 0
    """Children that are not counted."""
    opened: list[str] = field(default_factory=list)
    """Parents whose children stand under them."""
    states: dict[RunStatus, int] = field(default_factory=dict)
    """Runs that match but for their state."""


def open_table(workspace: Workspace, experiment: Experiment, asked: Asked) -> Opened:
    """Read the address against what the experiment has."""
    now_ms = workspace.clock.now_ms()
    table = workspace.run_table(experiment.experiment_id)
    catalogue = Catalogue(table.columns())
    primary = experiment_metric(experiment, catalogue.facts.values())
    chosen = [column for name in asked.columns if (column := catalogue.find(name))]
    if chosen and "name" not in asked.columns:
        chosen.insert(0, NAME)
    problem: FilterError | None = None
    box: tuple[Comparison, ...] = ()
    try:
        box = read_box(asked.filter, catalogue)
    except FilterError as error:
        problem = error
    where: tuple[Comparison, ...] = (*box, *asked.since_comparison(now_ms))
    counted = Selection(where, catalogue.order(asked.order), asked.view, asked.roots)
    return Opened(
        workspace,
        table,
        catalogue,
        primary,
        chosen or catalogue.usual(primary),
        asked,
        counted._replace(comparisons=(*where, *asked.state_comparison())),
        counted,
        problem,
        now_ms,
    )


def show_runs(opened: Opened, selected_ids: Sequence[str]) -> Shown:
    """The rows of one page, with totals."""
    table, asked = opened.table, opened.asked
    if opened.problem:
        return Shown()
    states = count_states(opened)
    wanted = asked.states or tuple(states)
    total = sum(states.get(state, 0) for state in wanted)
    has_children = asked.roots and f"tags.{TAG_PARENT_RUN_ID}" in opened.catalogue.facts
    everybody = _everything(opened) if has_children else total
    found = table.rows(opened.selected, opened.keys, limit=ROWS, offset=asked.start)
    is_open = _is_open(asked, everybody)
    nested = _with_children(opened, found, is_open) if has_children else [(0, row) for row in found]
    pinned = table.rows_of(asked.pinned, opened.keys)
    everything = [*pinned, *(row for _, row in nested)]
    ids = [row.run_id for row in everything]
    children = table.children(ids, asked.view) if has_children else {}
    running = [row.run_id for row in everything if not row.status.is_terminal]
    maker = RowMaker(
        opened.columns,
        selected=frozenset(selected_ids),
        pinned=frozenset(asked.pinned),
        children=children,
        best=_best(opened),
        settled=opened.workspace.settled(table, running),
        colour_order=ids,
        now_ms=opened.now_ms,
    )
    return Shown(
        rows=[maker.row(row, depth) for depth, row in nested if row.run_id not in asked.pinned],
        pinned=[maker.row(row, 0) for row in pinned],
        count=len(found),
        total=total,
        opened=[run_id for run_id in ids if children.get(run_id) and is_open(run_id)],
        folded=everybody - total,
        states=states,
    )


def count_states(opened: Opened) -> dict[RunStatus, int]:
    """How many runs of each state match."""
    counts = opened.table.counts_by(*_STATUS, opened.counted)
    return {state: counts[state.value] for state in RunStatus if state.value in counts}


def _everything(opened: Opened) -> int:
    """Runs that match, children too."""
    return sum(opened.table.counts_by(*_STATUS, opened.selected._replace(roots=False)).values())


def last_runs(opened: Opened) -> list[Cells]:
    """The latest of the experiment, the oldest of them first."""
    found = opened.table.rows(Selection(), (), limit=STRIP)
    running = [row.run_id for row in found if not row.status.is_terminal]
    settled = opened.workspace.settled(opened.table, running)
    return [
        row._replace(
            status=settled[row.run_id].info.status, end_time=settled[row.run_id].info.end_time
        )
        if row.run_id in settled
        else row
        for row in reversed(found)
    ]


def _is_open(asked: Asked, everybody: int) -> Callable[[str], bool]:
    if asked.opened is None:
        return lambda _: everybody <= ROWS
    return asked.opened.__contains__


def _with_children(
    opened: Opened, found: Sequence[Cells], is_open: Callable[[str], bool], depth: int = 0
) -> list[tuple[int, Cells]]:
    rows: list[tuple[int, Cells]] = []
    for row in found:
        rows.append((depth, row))
        if depth < DEEPEST and is_open(row.run_id):
            nested = opened.table.children_of(
                row.run_id, opened.selected, opened.keys, limit=MOST_CHILDREN
            )
            rows += _with_children(opened, nested, is_open, depth + 1)
    return rows


def _best(opened: Opened) -> dict[str, Best]:
    """Column -> the best value among all that match, of metrics whose better direction is known."""
    signs = {
        column.key: opened.primary.sign
        if opened.primary and opened.primary.key == column.key
        else sign_of(column.key)
        for column in opened.columns
        if column.entity is Entity.METRIC
    }
    signs = {key: sign for key, sign in signs.items() if sign}
    ends = opened.table.extremes(list(signs), opened.selected._replace(roots=False))
    return {
        f"metrics.{key}": Best(greatest, "most") if signs[key] > 0 else Best(least, "least")
        for key, (least, greatest) in ends.items()
        if least < greatest
    }
