"""The list of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def experiments(page: Page) -> Response:
    """All of them."""
    return page.render("experiments.html", found=page.workspace.search_experiments())


ROUTES = [View("/experiments", experiments)]
