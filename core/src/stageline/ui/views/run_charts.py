"""`/runs/{run_id}/charts`: the course of every metric of one run, the machine's in a group of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.ui.charts.choice import read_choice
from stageline.ui.charts.dimensions import SYSTEM
from stageline.ui.charts.figures import line_figure
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def run_charts(page: Page, run_id: str) -> Response:
    """The page."""
    run = page.workspace.runs.get(run_id)
    address = page.url(f"/runs/{run_id}/charts/series")
    choice = read_choice(page.query)
    wanted = [key for key in choice.metrics or run.metrics if key in run.metrics]
    courses = [key for key in wanted if run.metrics[key].step > 0]
    once = [run.metrics[key] for key in wanted if key not in courses]
    figures = [line_figure([run], key, address) for key in courses]
    own = [figure for figure in figures if not figure.title.startswith(SYSTEM)]
    system = [figure for figure in figures if figure.title.startswith(SYSTEM)]
    page.allow("style-src", "'unsafe-inline'")  # Plotly styles its drawings by attributes
    experiment = page.workspace.experiments.get(run.info.experiment_id)
    return page.render(
        "run_charts.html",
        run=run,
        experiment=experiment.name,
        own=own,
        system=system,
        once=once,
        choice=choice,
    )


ROUTES = [View("/runs/{run_id}/charts", run_charts)]
