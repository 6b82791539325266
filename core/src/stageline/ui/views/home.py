"""What belongs to no page of its own: the front door, and the choice between light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page

THEMES = ("light", "dark")
A_YEAR_S = 365 * 24 * 3600


def front(page: Page) -> Response:
    """To the experiments."""
    return page.redirect("/experiments", status=302)


def choose_theme(page: Page) -> Response:
    """Light, dark, or as the system has it; then back to where the form was."""
    theme = page.form.get("theme", "")
    answer = page.redirect(page.own_path(page.form.get("next", "/")))
    if theme in THEMES:
        page.set_cookie(answer, "theme", theme, max_age_s=A_YEAR_S)
    else:
        answer.delete_cookie("theme", path=page.url("/"))
    return answer


ROUTES = [
    View("/", front, right="none"),
    View("/theme", choose_theme, methods=("POST",), right="none"),
]
