"""The list of registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.ui.registry.listing import PAGE_SIZE, list_models
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def models(page: Page) -> Response:
    """Each model with what is in its stages."""
    text, order = page.query.get("q", ""), page.query.get("order", "name")
    start = page.start
    known = [one for one in page.workspace.registry.list() if page.may("read", model=one.name)]
    found = list_models(known, text, order, start=start)
    return page.render("models.html", listed=found, text=text, start=start, size=PAGE_SIZE)


ROUTES = [View("/models", models, judges_itself=True)]
