"""The forms of a run's page: rename, describe, tag, put aside, take back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.run import TAG_NOTE
from stageline.errors import InvalidInput
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def rename(page: Page, run_id: str) -> Response:
    """Give the run another name."""
    name = _field(page, "name").strip()
    if not name:
        raise InvalidInput("Invalid name: expected some text that tells the run from others")
    page.workspace.runs.rename(run_id, name)
    return _back(page, run_id, f"Renamed to {name}")


def describe(page: Page, run_id: str) -> Response:
    """Set, change or remove the description."""
    text = _field(page, "text").replace("\r\n", "\n").strip()
    runs = page.workspace.runs
    if text:
        runs.set_tags(run_id, {TAG_NOTE: text})
    elif TAG_NOTE in runs.get(run_id).data.tags:
        runs.delete_tag(run_id, TAG_NOTE)
    return _back(page, run_id, "Description saved")


def set_tag(page: Page, run_id: str) -> Response:
    """Set a tag."""
    key = _field(page, "key").strip()
    page.workspace.runs.set_tags(run_id, {key: _field(page, "value")})
    return _back(page, run_id, f"Tag {key} set")


def delete_tag(page: Page, run_id: str) -> Response:
    """Remove a tag."""
    key = _field(page, "key")
    page.workspace.runs.delete_tag(run_id, key)
    return _back(page, run_id, f"Tag {key} removed")


def delete(page: Page, run_id: str) -> Response:
    """Put the run aside."""
    page.workspace.runs.delete(run_id)
    return _back(page, run_id, "Deleted. It can be restored until it is collected")


def restore(page: Page, run_id: str) -> Response:
    """Take the run back."""
    page.workspace.runs.restore(run_id)
    return _back(page, run_id, "Restored")


def _field(page: Page, name: str) -> str:
    value = page.form.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"Missing value for {name!r}: the form should have such a field")
    return value


def _back(page: Page, run_id: str, notice: str) -> Response:
    return page.redirect(f"/runs/{run_id}", notice=notice)


ROUTES = [
    View("/runs/{run_id}/name", rename, methods=("POST",)),
    View("/runs/{run_id}/description", describe, methods=("POST",)),
    View("/runs/{run_id}/tags", set_tag, methods=("POST",)),
    View("/runs/{run_id}/tags/delete", delete_tag, methods=("POST",)),
    View("/runs/{run_id}/delete", delete, methods=("POST",)),
    View("/runs/{run_id}/restore", restore, methods=("POST",)),
]
