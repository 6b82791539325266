"""`/experiments/{id}/charts`: the runs that the table's filter finds, as charts of one kind at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.ui.charts.choice import KINDS, Choice, read_choice
from stageline.ui.charts.dimensions import SYSTEM, brushed, metric_keys
from stageline.ui.charts.figures import (
    LEAST_FOR_CONTOUR,
    Figure,
    bar_figure,
    chosen_points,
    course_figure,
    dimensions,
    looks,
    parallel_figures,
    points_figure,
)
from stageline.ui.charts.finding import Found, find_runs
from stageline.ui.charts.images import image_panels
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.domain.run import Run
    from stageline.ui.page import Page

MOST_PANELS = 12
"""Charts on a page of lines or bars whose metrics nobody chose."""


def charts(page: Page, experiment_id: str) -> Response:
    """The page."""
    experiment = page.workspace.experiments.get(experiment_id)
    choice = read_choice(page.query)
    found = find_runs(page.workspace, experiment, page.query, choice)
    kind = choice.kind or usual_kind(found.lines)
    choice = msgspec.structs.replace(choice, kind=kind)
    figures = figures_of(page, experiment_id, found, choice)
    images, more_images = (
        image_panels(found.lines, lambda run_id: page.workspace.runs.stored(run_id).files)
        if kind == "images"
        else ([], 0)
    )
    page.allow("style-src", "'unsafe-inline'")  # Plotly styles its drawings by attributes
    return page.render(
        "charts.html",
        status=400 if found.problem else 200,
        experiment=experiment,
        kinds=KINDS,
        kind=kind,
        choice=choice,
        points=chosen_points(found.runs, choice, primary_key(found)),
        found=found,
        figures=figures,
        images=images,
        more_images=more_images,
        looks=looks(found.lines),
        metrics=metric_keys(found.runs),
        params=sorted({key for run in found.runs for key in run.data.params}),
        is_kept=kept_by_brush(found.runs, figures, choice),
    )


def usual_kind(runs: list[Run]) -> str:
    """Lines as soon as any run has a second step."""
    has_steps = any(point.step > 0 for run in runs for point in run.metrics.values())
    return "lines" if has_steps else "bars"


def figures_of(page: Page, experiment_id: str, found: Found, choice: Choice) -> list[Figure]:
    """The figures of the chosen kind; none where there is nothing to draw."""
    kind, primary = choice.kind, primary_key(found)
    if (
        not found.runs
        or kind == "images"
        or (kind == "contour" and len(found.runs) < LEAST_FOR_CONTOUR)
    ):
        return []
    if kind == "lines":
        address = page.url(f"/experiments/{experiment_id}/charts/series")
        return [course_figure(found.lines, key, address) for key in panels(found, choice)]
    if kind == "bars":
        runs = found.runs if choice.runs else found.lines
        return [bar_figure(runs, key) for key in panels(found, choice)]
    if kind == "parallel":
        return parallel_figures(found.runs, choice, primary)
    return [points_figure(found.runs, kind, chosen_points(found.runs, choice, primary))]


def panels(found: Found, choice: Choice) -> list[str]:
    """The metrics that get a chart each: as chosen, else the primary and then by name, the machine's last."""
    keys = metric_keys(found.lines)
    if choice.metrics:
        return [key for key in choice.metrics if key in keys]
    primary = primary_key(found)
    keys.sort(key=lambda key: (key != primary, key.startswith(SYSTEM), key))
    return keys[:MOST_PANELS]


def primary_key(found: Found) -> str:
    """The metric that comes first; empty where no run has any."""
    return found.primary.key if found.primary else ""


def kept_by_brush(runs: list[Run], figures: list[Figure], choice: Choice) -> list[bool]:
    """Which rows of the table beside parallel coordinates lie within what was brushed."""
    names = [axis["name"] for figure in figures for axis in figure.data.get("axes", ())]
    return brushed(dimensions(runs, names), choice.brushes, len(runs))


ROUTES = [View("/experiments/{experiment_id}/charts", charts)]
