"""What an experiment is called and says of itself, and its forms: rename, describe, tag, delete, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.ids import DEFAULT_EXPERIMENT_ID
from stageline.domain.run import TAG_NOTE, LifecycleStage
from stageline.errors import InvalidInput, NotAllowed
from stageline.ui.experiments.listing import own_tags
from stageline.ui.experiments.primary import TAG_GREATER_IS_BETTER, TAG_METRIC, chosen_metric
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.tracking.experiments import Experiments
    from stageline.ui.page import Page

DIRECTIONS = {"greater": "true", "less": "false"}


def settings(page: Page, experiment_id: str) -> Response:
    """The forms."""
    found = page.workspace.experiments.get(experiment_id)
    return page.render(
        "experiment_settings.html",
        experiment=found,
        note=found.tags.get(TAG_NOTE, ""),
        tags=own_tags(found),
        metric=chosen_metric(found),
        direction=found.tags.get(TAG_GREATER_IS_BETTER, ""),
        is_deleted=found.lifecycle_stage is LifecycleStage.DELETED,
        is_default=experiment_id == DEFAULT_EXPERIMENT_ID,
        creator=page.workspace.experiments.creator(experiment_id),
    )


def rename(page: Page, experiment_id: str) -> Response:
    """Another name."""
    name = page.form.get("name", "").strip()
    if not page.may("write", experiment=name):
        raise NotAllowed(f"{page.actor} has no right to call an experiment {name}")
    _experiments(page).rename(experiment_id, name)
    return _back(page, experiment_id, f"Renamed to {name}")


def describe(page: Page, experiment_id: str) -> Response:
    """The description, which is Markdown; an empty one removes it."""
    _put(page, experiment_id, TAG_NOTE, page.form.get("description", "").strip())
    return _back(page, experiment_id, "Description saved")


def choose_metric(page: Page, experiment_id: str) -> Response:
    """The primary metric, and which way it is better."""
    _put(page, experiment_id, TAG_METRIC, page.form.get("metric", "").strip())
    direction = DIRECTIONS.get(page.form.get("direction", ""), "")
    _put(page, experiment_id, TAG_GREATER_IS_BETTER, direction)
    return _back(page, experiment_id, "Primary metric saved")


def set_tag(page: Page, experiment_id: str) -> Response:
    """Set one tag, or with `remove`, remove it."""
    removed = page.form.get("remove")
    if removed is not None:
        _experiments(page).delete_tag(experiment_id, removed)
        return _back(page, experiment_id, f"Removed the tag {removed}")
    key = page.form.get("key", "").strip()
    if not key:
        raise InvalidInput("a tag needs a key: letters, digits, and any of _ - . : / and space")
    _experiments(page).set_tag(experiment_id, key, page.form.get("value", "").strip())
    return _back(page, experiment_id, f"Set the tag {key}")


def delete(page: Page, experiment_id: str) -> Response:
    """Put it aside; it can be restored."""
    _experiments(page).delete(experiment_id)
    return page.redirect("/experiments", notice="Deleted. It can be restored until it is collected")


def restore(page: Page, experiment_id: str) -> Response:
    """Take it back."""
    _experiments(page).restore(experiment_id)
    return _back(page, experiment_id, "Restored")


def _experiments(page: Page) -> Experiments:
    return page.workspace.experiments.acting(page.actor)


def _put(page: Page, experiment_id: str, key: str, value: str) -> None:
    if value:
        _experiments(page).set_tag(experiment_id, key, value)
    elif key in page.workspace.experiments.get(experiment_id).tags:
        _experiments(page).delete_tag(experiment_id, key)


def _back(page: Page, experiment_id: str, notice: str) -> Response:
    return page.redirect(f"/experiments/{experiment_id}/settings", notice=notice)


_HERE = "/experiments/{experiment_id}"
ROUTES = [
    View(f"{_HERE}/settings", settings),
    View(f"{_HERE}/rename", rename, methods=("POST",)),
    View(f"{_HERE}/describe", describe, methods=("POST",)),
    View(f"{_HERE}/metric", choose_metric, methods=("POST",)),
    View(f"{_HERE}/tags", set_tag, methods=("POST",)),
    View(f"{_HERE}/delete", delete, methods=("POST",)),
    View(f"{_HERE}/restore", restore, methods=("POST",)),
]
