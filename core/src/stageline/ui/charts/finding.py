"""Which runs a page of charts shows: those that the table's filter finds, and of them the best for lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.run import ViewType
from stageline.ui.charts.dimensions import SYSTEM
from stageline.ui.registry.primary import Primary, primary_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.run import Run
    from stageline.ui.charts.choice import Choice
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


def find_runs(
    workspace: Workspace,
    experiment_id: str,
    choice: Choice,
    *,
    filter_string: str = "",
    order_by: Sequence[str] = (),
) -> Found:
    """The runs of an experiment, for its charts. Raises `InvalidInput` for the filter or the ordering."""

    def search(order: Sequence[str]) -> list[Run]:
        return workspace.search_runs(
            [experiment_id], filter_string, max_results=MOST_RUNS, order_by=order
        )

    runs = search(order_by)
    primary = primary_metric(None, [_own_metrics(run) for run in runs], choice.primary)
    is_best = not order_by and primary is not None
    if is_best and primary is not None:
        runs = search([best_first(primary)])
    total = len(runs)
    if total == MOST_RUNS:
        total = workspace.index.count([experiment_id], filter_string, ViewType.ACTIVE_ONLY)
    chosen = [run for run in runs if run.info.run_id in choice.runs]
    lines = chosen or runs[: choice.top]
    return Found(runs, lines, total, primary, is_best and not chosen)


def best_first(primary: Primary) -> str:
    """The ordering of a search that puts the best run first; the greatest, where nobody knows which is better."""
    key = primary.key.replace("`", "``")
    return f"metrics.`{key}` {'ASC' if primary.sign < 0 else 'DESC'}"


def _own_metrics(run: Run) -> dict[str, float]:
    return {key: value for key, value in run.data.metrics.items() if not key.startswith(SYSTEM)}
