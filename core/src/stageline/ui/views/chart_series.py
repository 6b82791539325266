"""The points of lines, for scripts: only the runs, the metrics and the stretch that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput, NotFound
from stageline.storage.parallel import together
from stageline.ui.charts.choice import MOST_LINES, as_float
from stageline.ui.charts.lines import AXES, Line, Stretch, lines_of, note
from stageline.ui.charts.thinning import share
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page

MOST_KEYS = 20
AT_ONCE = 3
"""Runs that are read together: a million points of each take 24 MB on their way."""


def series(page: Page, experiment_id: str = "", run_id: str = "") -> Response:
    """Lines of `metric` (repeated) of `run` (repeated), along `x`, from `from` to `to`."""
    ids = [run_id] if run_id else list(dict.fromkeys(page.query.getlist("run")))
    keys = list(dict.fromkeys(page.query.getlist("metric")))
    _check(len(ids), len(keys), page.query.get("x", "step"))
    if experiment_id:
        _check_home(page, experiment_id, ids)
    read = together(lambda each: _lines(page, each, keys, len(ids)), ids, width=AT_ONCE)
    lines = {key: [line for run in read for line in run[key]] for key in keys}
    answer: dict[str, Any] = {
        key: {"lines": found, "note": note(found)} for key, found in lines.items()
    }
    return page.json(answer)


def _check(runs: int, keys: int, axis: str) -> None:
    if not 0 < runs <= MOST_LINES or not 0 < keys <= MOST_KEYS:
        raise InvalidInput(
            f"ask for 1 to {MOST_LINES} runs and 1 to {MOST_KEYS} metrics at once, not {runs} and {keys}: "
            "?metric=KEY&run=ID, each as often as needed"
        )
    if axis not in AXES:
        raise InvalidInput(f"x={axis} is no axis: take one of {', '.join(AXES)}")


def _check_home(page: Page, experiment_id: str, ids: list[str]) -> None:
    """Whoever may read one experiment must not read another's runs through it."""
    table = page.workspace.run_table(experiment_id)
    here = {row.run_id for row in table.rows_of(ids, ())}
    strangers = [run_id for run_id in ids if run_id not in here]
    if strangers:
        raise NotFound(
            f"experiment {experiment_id} has no run {strangers[0]}: take the address of its own"
        )


def _lines(page: Page, run_id: str, keys: list[str], runs: int) -> dict[str, list[Line]]:
    query = page.query
    columns = page.workspace.runs.metric_columns(run_id, keys)
    return {
        key: lines_of(
            run_id,
            key,
            columns[key],
            axis=query.get("x", "step"),
            stretch=Stretch(as_float(query.get("from")), as_float(query.get("to"))),
            is_log=query.get("xlog") == "1",
            most=share(runs),
        )
        for key in keys
    }


ROUTES = [
    View("/experiments/{experiment_id}/charts/series", series),
    View("/runs/{run_id}/charts/series", series),
    View("/compare/series", series),
]
