"""`/experiments/{id}`: the runs of an experiment as a table. The URL is the view."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import StreamingResponse

from stageline.ui.runs_table.asked import MOST_IN_URL, ROWS, SPANS, Asked, read_query
from stageline.ui.runs_table.csv_lines import csv_parts
from stageline.ui.runs_table.grouping import show_groups
from stageline.ui.runs_table.shown import Opened, last_runs, open_table, show_runs
from stageline.ui.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from stageline.domain.query import Entity
    from stageline.ui.page import Page
    from stageline.ui.runs_table.columns import Column
    from stageline.ui.runs_table.shown import Shown

MOST_GROUPINGS = 40
"""Columns that the menu names; any other by its name in the address."""


def runs(page: Page, experiment_id: str) -> Response:
    """The page."""
    experiment = page.workspace.experiments.get(experiment_id)
    asked = read_query(page.query)
    opened = open_table(page.workspace, experiment, asked)
    selected = selected_ids(page, experiment_id, asked)
    grouped = show_groups(opened) if asked.group else None
    shown = None if grouped else show_runs(opened, selected)
    seen = on_page(shown) if shown else set()
    return page.render(
        "runs.html",
        status=400 if opened.problem else 200,
        experiment=experiment,
        asked=asked,
        opened=opened,
        shown=shown,
        grouped=grouped,
        selected=selected,
        elsewhere=[each for each in selected if each not in seen],
        strip=last_runs(opened),
        views=page.workspace.views.named(experiment_id),
        heads=heads(opened.columns),
        constant=opened.catalogue.constant(),
        groupings=groupings(opened),
        spans=SPANS,
        may_write=page.may("write", experiment=experiment.name),
        size=ROWS,
        most_in_url=MOST_IN_URL,
    )


class Head(NamedTuple):
    """Columns of one kind that stand together."""

    entity: Entity
    columns: int


def heads(columns: Sequence[Column]) -> list[Head]:
    """What stands over the names of columns."""
    by_kind = groupby(columns, key=lambda column: column.entity)
    return [Head(entity, len(list(some))) for entity, some in by_kind]


def selected_ids(page: Page, experiment_id: str, asked: Asked) -> list[str]:
    """Runs that the address says are selected, by their ids or by the short one of a choice."""
    more = page.workspace.views.choice(experiment_id, asked.choice) if asked.choice else []
    return list(dict.fromkeys([*asked.runs, *more]))


def on_page(shown: Shown) -> set[str]:
    """The runs that have a row."""
    return {row.run_id for row in (*shown.rows, *shown.pinned)}


def groupings(opened: Opened) -> list[str]:
    """Columns that runs may be put together by: those that differ and are no numbers of their own for each run."""
    names = [
        name
        for name, each in opened.catalogue.facts.items()
        if not name.startswith("metrics.") and not each.is_constant and "mlflow." not in name
    ]
    return ["status", "user", *names[:MOST_GROUPINGS]]


def columns(page: Page, experiment_id: str) -> Response:
    """Columns that fit what somebody types, for the chooser: of 12,000 it is sent 50."""
    experiment = page.workspace.experiments.get(experiment_id)
    opened = open_table(page.workspace, experiment, Asked())
    found = opened.catalogue.search(page.query.get("q", ""))
    facts = opened.catalogue.facts
    return page.json(
        [
            {
                "name": column.name,
                "title": column.title,
                "kind": "" if column.is_attribute else column.entity.value,
                "runs": facts[column.name].runs if column.name in facts else None,
            }
            for column in found
        ]
    )


def csv(page: Page, experiment_id: str) -> Response:
    """All runs that match, with the columns that are shown, or with `all=1` with all there are."""
    experiment = page.workspace.experiments.get(experiment_id)
    opened = open_table(page.workspace, experiment, read_query(page.query))
    if opened.problem:
        raise opened.problem
    chosen = opened.columns
    if page.query.get("all") == "1":
        names = opened.catalogue.facts
        chosen = [column for name in names if (column := opened.catalogue.find(name))]
    return StreamingResponse(
        csv_parts(opened, chosen),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="runs-{experiment_id}.csv"'},
    )


ROUTES = [
    View("/experiments/{experiment_id}", runs),
    View("/experiments/{experiment_id}/columns", columns),
    View("/experiments/{experiment_id}/runs.csv", csv),
]
