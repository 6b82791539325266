"""`/runs/{run_id}`: one run, its metrics first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.ui.artifacts.images import MOST_KEYS, image_series
from stageline.ui.markdown import rendered
from stageline.ui.run.record import read_record
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page

MOST_ROWS = 200
"""Of metrics, params or tags that are sent at first."""


def run(page: Page, run_id: str) -> Response:
    """The page."""
    record = read_record(
        page.workspace,
        run_id,
        shows_experiment=lambda name: page.may("read", experiment=name),
        shows_model=lambda name: page.may("read", model=name),
    )
    images = image_series(record.head.files)
    return page.render(
        "run.html",
        record=record,
        run=record.head.run,
        may_write=page.may("write", experiment=record.head.experiment),
        note=rendered(record.note) if record.note else "",
        images=images[:MOST_KEYS],
        more_images=max(len(images) - MOST_KEYS, 0),
        most=None if page.query.get("all") == "1" else MOST_ROWS,
    )


ROUTES = [View("/runs/{run_id}", run)]
