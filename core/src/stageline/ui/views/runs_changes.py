"""What is done from the runs table to many runs at once, and its saved views. Forms: they work without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, NotFound, StagelineError
from stageline.storage.parallel import together
from stageline.ui.formats import plural
from stageline.ui.runs_table.asked import MOST_IN_URL
from stageline.ui.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from stageline.ui.page import Page

MOST_AT_ONCE = 1_000
"""Runs that one request changes: about a second each hundred, on a disk."""


def bulk(page: Page, experiment_id: str) -> Response:
    """Tag, delete or restore the runs that are selected."""
    run_ids = chosen(page)
    if len(run_ids) > MOST_AT_ONCE:
        raise InvalidInput(
            f"at most {MOST_AT_ONCE:,} runs are changed at once, not {len(run_ids):,}"
        )
    # Who may change this experiment may not, by naming its runs here, change another.
    here = {row.run_id for row in page.workspace.run_table(experiment_id).rows_of(run_ids, ())}
    if strange := [run_id for run_id in run_ids if run_id not in here]:
        raise NotFound(
            f"{len(strange)} of the runs are not of this experiment, such as {strange[0]!r}"
        )
    deed, done = _deed(page)
    failed = [told for told in together(lambda run_id: _tried(deed, run_id), run_ids) if told]
    notice = f"{done} {plural(len(run_ids) - len(failed), 'run')}"
    if failed:
        notice += f"; {len(failed):,} not: {failed[0]}"
    return page.redirect(back(page, experiment_id), notice=notice)


def compare(page: Page, experiment_id: str) -> Response:
    """To the runs that are selected, side by side."""
    return page.redirect("/compare", run=chosen(page))


def chosen(page: Page) -> list[str]:
    """The runs that a form names. Raises `InvalidInput` where it names none."""
    found = list(dict.fromkeys(str(run_id) for run_id in page.form.getlist("run")))
    if not found:
        raise InvalidInput("no run is selected: tick some rows first")
    return found


def back(page: Page, experiment_id: str) -> str:
    """Where the form was."""
    return page.own_path(str(page.form.get("next") or page.url(f"/experiments/{experiment_id}")))


def _deed(page: Page) -> tuple[Callable[[str], object], str]:
    runs, action = page.workspace.runs, str(page.form.get("action", ""))
    if action == "delete":
        return runs.delete, "Deleted"
    if action == "restore":
        return runs.restore, "Restored"
    if action == "tag":
        key, value = str(page.form.get("key", "")).strip(), str(page.form.get("value", ""))
        if not key:
            raise InvalidInput("a tag needs a key")
        return lambda run_id: runs.set_tags(run_id, {key: value}), "Tagged"
    raise InvalidInput(f"{action!r} is nothing that can be done to runs here")


def _tried(deed: Callable[[str], object], run_id: str) -> str | None:
    """Why it was refused; a run that another one depends on must not keep the rest from being changed."""
    try:
        deed(run_id)
    except StagelineError as error:
        return str(error)
    return None


def keep_choice(page: Page, experiment_id: str) -> Response:
    """A short id for a selection that is too long for the address."""
    page.workspace.experiments.get(experiment_id)
    run_ids = list(dict.fromkeys(str(run_id) for run_id in page.form.getlist("run")))
    if len(run_ids) <= MOST_IN_URL:
        return page.json({"run": run_ids})
    return page.json({"choice": page.workspace.views.keep_choice(experiment_id, run_ids)})


def save_view(page: Page, experiment_id: str) -> Response:
    """Keep this view under a name, for everybody."""
    page.workspace.experiments.get(experiment_id)
    address = page.own_path(str(page.form.get("next", "")))
    name, query = str(page.form.get("name", "")), address.partition("?")[2]
    view = page.workspace.views.save(experiment_id, name, query, page.actor)
    return page.redirect(address, notice=f"Saved the view {view.name!r} for everybody")


def delete_view(page: Page, experiment_id: str, view_id: str) -> Response:
    """Forget a view."""
    page.workspace.experiments.get(experiment_id)
    page.workspace.views.delete(experiment_id, view_id)
    return page.redirect(back(page, experiment_id), notice="Deleted the view")


def open_view(page: Page, experiment_id: str, view_id: str) -> Response:
    """To the table as it was saved."""
    page.workspace.experiments.get(experiment_id)
    view = page.workspace.views.get(experiment_id, view_id)
    return page.redirect(f"/experiments/{experiment_id}?{view.query}", status=302)


ROUTES = [
    View("/experiments/{experiment_id}/bulk", bulk, methods=("POST",)),
    View("/experiments/{experiment_id}/compare", compare, methods=("POST",), right="read"),
    View("/experiments/{experiment_id}/choice", keep_choice, methods=("POST",), right="read"),
    View("/experiments/{experiment_id}/views", save_view, methods=("POST",)),
    View("/experiments/{experiment_id}/views/{view_id}", open_view),
    View("/experiments/{experiment_id}/views/{view_id}/delete", delete_view, methods=("POST",)),
]
