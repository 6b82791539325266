"""The list of experiments, and how one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.run import TAG_NOTE, ViewType
from stageline.errors import InvalidInput, NotAllowed
from stageline.ui.experiments.listing import SIZE, find, list_page
from stageline.ui.experiments.overview import Overviews
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.domain.experiment import Experiment
    from stageline.ui.page import Page


def experiments(page: Page) -> Response:
    """One page of the list."""
    text = page.query.get("q", "").strip()
    is_deleted = page.query.get("show") == "deleted"
    view = ViewType.DELETED_ONLY if is_deleted else ViewType.ACTIVE_ONLY
    found: list[Experiment] = []
    error = None
    try:
        found = [
            one for one in find(page.workspace, text, view) if page.may("read", experiment=one.name)
        ]
    except InvalidInput as refusal:
        error = str(refusal)
    start = page.start
    listing = list_page(
        page.workspace, page.kept(Overviews), found, page.query.get("order", ""), start
    )
    return page.render(
        "experiments.html",
        status=400 if error else 200,
        listing=listing,
        text=text,
        error=error,
        start=start,
        size=SIZE,
        is_deleted=is_deleted,
        may_read_any=page.may("read"),
        may_create=page.may("write"),
        url_of_store=page.workspace.store.url,
    )


def create(page: Page) -> Response:
    """A new one; then to its runs."""
    name, note = page.form.get("name", "").strip(), page.form.get("description", "").strip()
    if not page.may("write", experiment=name):
        raise NotAllowed(f"{page.actor} has no right to make an experiment that is called {name}")
    made = page.workspace.experiments.acting(page.actor).create(
        name, {TAG_NOTE: note} if note else None
    )
    return page.redirect(f"/experiments/{made.experiment_id}", notice=f"Created {made.name}")


ROUTES = [
    View("/experiments", experiments, judges_itself=True),
    View("/experiments", create, methods=("POST",), judges_itself=True),
]
