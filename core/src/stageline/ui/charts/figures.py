"""What is drawn on a page: each figure with its data for the script, and the same as a table for whoever reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.ui.charts.dimensions import Dimension, dimension, varying_names
from stageline.ui.charts.palette import colours, dashes
from stageline.ui.formats import number

if TYPE_CHECKING:
    from stageline.domain.run import Run
    from stageline.ui.charts.choice import Choice

LEAST_FOR_CONTOUR = 20
"""Runs: of fewer, a surface between them would be made up."""
MOST_AXES = 8
"""Of parallel coordinates whose axes nobody chose."""


class Figure(NamedTuple):
    """One chart."""

    kind: str
    """Which script draws it."""
    title: str
    about: str
    """One sentence for who does not see it."""
    data: dict[str, Any]
    head: list[str]
    """Of the columns after the run's."""
    rows: list[tuple[Run, list[str]]]


def line_figure(runs: Sequence[Run], key: str, series_url: str) -> Figure:
    """The course of one metric; its points are fetched by the script."""
    having = [run for run in runs if key in run.metrics]
    points = [run.metrics[key] for run in having]
    return Figure(
        "lines",
        key,
        f"Course of {key} over {len(having)} runs",
        {"key": key, "runs": looks(having), "series": series_url},
        ["last value", "at step"],
        [(run, [number(p.value), number(p.step)]) for run, p in zip(having, points, strict=True)],
    )


def course_figure(runs: Sequence[Run], key: str, series_url: str) -> Figure:
    """The course of a metric, or its last values where no run has a second step of it."""
    steps = {run.metrics[key].step for run in runs if key in run.metrics}
    return (
        line_figure(runs, key, series_url) if max(steps, default=0) > 0 else bar_figure(runs, key)
    )


def bar_figure(runs: Sequence[Run], key: str) -> Figure:
    """The last value of one metric in each run."""
    having = [run for run in runs if key in run.data.metrics]
    values = [run.data.metrics[key] for run in having]
    rows = [(run, [number(value)]) for run, value in zip(having, values, strict=True)]
    return Figure(
        "bars",
        key,
        f"Last value of {key} in {len(having)} runs",
        {"key": key, "runs": looks(having), "values": values},
        ["last value"],
        rows,
    )


def points_figure(runs: Sequence[Run], kind: str, names: tuple[str, str, str]) -> Figure:
    """Scatter, contour or box: `names` are across, up and colour, of which the last may be empty."""
    found = dimensions(runs, names)
    across, up, colour = (found.get(name) for name in names)
    shown = [each for each in (across, up, colour) if each is not None]
    title = " by ".join(
        each.label for each in (colour if kind == "contour" else up, across) if each
    )
    return Figure(
        kind,
        title,
        f"{title} of {len(runs)} runs",
        {
            "runs": looks(runs),
            "across": described(across),
            "up": described(up),
            "colour": described(colour),
        },
        [each.label for each in shown],
        table(runs, shown),
    )


def parallel_figures(runs: Sequence[Run], choice: Choice, primary: str = "") -> list[Figure]:
    """Parallel coordinates: each run a line across its params and metrics; none where fewer than two differ."""
    found = dimensions(runs, chosen_axes(runs, choice, primary))
    if len(found) < 2:
        return []
    labels = [each.label for each in found.values()]
    figure = Figure(
        "parallel",
        "Parallel coordinates",
        f"{len(runs)} runs across {', '.join(labels)}",
        {
            "runs": looks(runs),
            "axes": [described(each) for each in found.values()],
            "brushes": [str(brush) for brush in choice.brushes],
        },
        labels,
        table(runs, list(found.values())),
    )
    return [figure]


def table(runs: Sequence[Run], shown: Sequence[Dimension]) -> list[tuple[Run, list[str]]]:
    """The values of dimensions, a row for each run."""
    return [(run, [each.text(place) for each in shown]) for place, run in enumerate(runs)]


def looks(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Each run with its name, colour and dash."""
    ids = [run.info.run_id for run in runs]
    colour, dash = colours(ids), dashes(ids)
    return [
        {"id": each, "name": name_of(run), "colour": colour[each], "dash": dash[each]}
        for each, run in zip(ids, runs, strict=True)
    ]


def name_of(run: Run) -> str:
    """What a legend calls it."""
    return run.info.run_name or run.info.run_id[:8]


def chosen_axes(runs: Sequence[Run], choice: Choice, primary: str) -> list[str]:
    """The axes of parallel coordinates: as chosen, else params that vary and then metrics, the primary last."""
    if choice.axes:
        return choice.axes
    params, metrics = _varying(runs)
    last = [f"metrics.{primary}"] if f"metrics.{primary}" in metrics else []
    others = [name for name in metrics if name not in last]
    params = params[: MOST_AXES - 2]
    return [*params, *others[: MOST_AXES - len(params) - len(last)], *last]


def chosen_points(runs: Sequence[Run], choice: Choice, primary: str) -> tuple[str, str, str]:
    """Across, up and colour: as chosen, else the first params that vary and the primary metric."""
    params, metrics = _varying(runs)
    wanted = f"metrics.{primary}" if primary else next(iter(metrics), "")
    across = choice.across or next(iter([*params, *metrics]), wanted)
    if choice.kind != "contour":
        return across, choice.up or wanted or across, choice.colour
    others = [name for name in [*params, *metrics] if name not in (across, wanted)]
    return across, choice.up or next(iter(others), wanted), choice.colour or wanted


def dimensions(runs: Sequence[Run], names: Sequence[str]) -> dict[str, Dimension]:
    """Dimensions by name; what no run has a value of is left out."""
    found = {name: dimension(runs, name) for name in dict.fromkeys(names) if name}
    return {name: each for name, each in found.items() if any(v is not None for v in each.values)}


def described(found: Dimension | None) -> dict[str, Any] | None:
    """A dimension for a script."""
    if found is None:
        return None
    return {
        "name": found.name,
        "label": found.label,
        "values": found.values,
        "categories": found.categories,
        "log": found.is_log,
    }


def _varying(runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    names = varying_names(runs)
    params = [name for name in names if name.startswith("params.")]
    return params, [name for name in names if name.startswith("metrics.")]
