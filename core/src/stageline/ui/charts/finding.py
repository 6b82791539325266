"""Which runs a page of charts shows: those that the table at the same address finds, and of them the best for lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Entity, OrderBy
from stageline.ui.runs_table.asked import read_query
from stageline.ui.runs_table.shown import open_table

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from stageline.domain.experiment import Experiment
    from stageline.domain.run import Run
    from stageline.ui.charts.choice import Choice
    from stageline.ui.primary import Primary
    from stageline.ui.runs_table.filtering import FilterError
    from stageline.workspace import Workspace

MOST_RUNS = 500
"""Runs whose values are drawn; their params and metrics go to the browser."""


class Found(NamedTuple):
    """Runs for charts."""

    runs: list[Run]
    """Of values: at most `MOST_RUNS`, in the order of the table, or the best first."""
    lines: list[Run]
    """Of lines: the best few, or those that were chosen."""
    total: int
    """How many match the filter."""
    primary: Primary | None
    is_best: bool
    """Whether `lines` are the best by the primary metric, rather than as ordered or chosen by hand."""
    is_narrowed: bool
    """Whether the address leaves some runs out."""
    problem: FilterError | None = None
    """Why the filter can not be read; then there are no runs."""


def find_runs(
    workspace: Workspace, experiment: Experiment, query: QueryParams, choice: Choice
) -> Found:
    """The runs of an experiment, for its charts. Children stand beside their parents."""
    asked = read_query(query)
    opened = open_table(workspace, experiment, asked)
    if opened.problem:
        return Found([], [], 0, opened.primary, False, True, opened.problem)
    selected = opened.selected._replace(roots=False)
    is_best = not selected.order and opened.primary is not None
    if is_best and opened.primary is not None:
        selected = selected._replace(order=(best_first(opened.primary),))
    table = opened.table
    ids = [row.run_id for row in table.rows(selected, (), limit=MOST_RUNS)]
    chosen = [run_id for run_id in choice.runs if run_id not in ids]
    runs = [
        summary.to_run(workspace.runs.artifact_uri(summary.run_id))
        for summary in table.load([*ids, *chosen])
    ]
    total = sum(table.counts_by(Entity.ATTRIBUTE, "status", selected).values())
    lines = [run for run in runs if run.info.run_id in choice.runs]
    return Found(
        runs=[run for run in runs if run.info.run_id not in chosen],
        lines=lines or runs[: choice.top],
        total=total,
        primary=opened.primary,
        is_best=is_best and not lines,
        is_narrowed=asked.is_narrowed,
    )


def best_first(primary: Primary) -> OrderBy:
    """The order that puts the best run first; the greatest, where nobody knows which is better."""
    return OrderBy(Entity.METRIC, primary.key, primary.sign < 0)
