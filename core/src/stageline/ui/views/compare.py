"""`/compare`: the chosen runs side by side, with charts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import InvalidInput
from stageline.storage.parallel import together
from stageline.ui.charts.choice import MOST_LINES, Choice, read_choice
from stageline.ui.charts.dimensions import SYSTEM, metric_keys
from stageline.ui.charts.figures import Figure, course_figure, looks, parallel_figures
from stageline.ui.compare.comparison import baseline_place, compare
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.domain.run import Run
    from stageline.ui.page import Page

MOST_RUNS = 300
"""Columns: a browser lays out this many in a second, and no one reads more."""
MOST_PANELS = 6


def compared(page: Page) -> Response:
    """The page."""
    choice = read_choice(page.query)
    if page.query.get("without") or len(page.query.getlist("baseline")) > 1:
        return as_picked(page)
    if len(choice.runs) > MOST_RUNS:
        raise InvalidInput(
            f"{len(choice.runs)} runs are more than can stand side by side: choose at most {MOST_RUNS}"
        )
    runs = together(page.workspace.runs.get, choice.runs)
    if len(runs) < 2:
        return page.render("compare_few.html", runs=runs)
    page.allow("style-src", "'unsafe-inline'")  # Plotly styles its drawings by attributes
    baseline = page.query.get("baseline", "")
    everything = page.query.get("all") == "1"
    return page.render(
        "compare.html",
        runs=runs,
        baseline=runs[baseline_place(runs, baseline)],
        sections=compare(runs, baseline, everything=everything),
        everything=everything,
        looks=looks(runs),
        figures=figures_of(runs, choice, page.url("/compare/series")),
        choice=choice,
    )


def as_picked(page: Page) -> Response:
    """To the address of what was chosen in a head: another baseline, or all runs but one."""
    dropped = page.query.getlist("without")
    runs = [run_id for run_id in page.query.getlist("run") if run_id not in dropped]
    baseline = page.query.get("baseline")
    kept = None if baseline in dropped else baseline
    address = page.url_with(without=None, run=runs, baseline=kept)
    return page.redirect(page.own_path(address), status=302)


def figures_of(runs: list[Run], choice: Choice, series_url: str) -> list[Figure]:
    """A chart of each metric that differs, its course where it has one; then all params and metrics across."""
    keys = [key for key in choice.metrics or metric_keys(runs) if not key.startswith(SYSTEM)]
    shown = runs[:MOST_LINES]
    differing = [key for key in keys if len({repr(run.data.metrics.get(key)) for run in shown}) > 1]
    figures = [course_figure(shown, key, series_url) for key in differing[:MOST_PANELS]]
    return [*figures, *parallel_figures(runs, choice)]


ROUTES = [View("/compare", compared)]
