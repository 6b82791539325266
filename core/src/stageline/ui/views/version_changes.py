"""The forms of a version's page: move it, ask for it, name it, tag it, describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.registry_names import canonical_stage
from stageline.errors import InvalidInput
from stageline.ui.registry.asked import (
    acting,
    back_to,
    check_may_ask,
    check_may_move,
    field,
    number_in,
    tag_of,
)
from stageline.ui.registry.moves import check_holding
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def move(page: Page, name: str, number: str) -> Response:
    """Bring it into a stage, as the button said; or ask that it may."""
    is_asking = field(page, "do") == "ask"
    if is_asking:
        check_may_ask(page, name)
    else:
        check_may_move(page, name)
    version = number_in(number, "version")
    registry = acting(page)
    state = registry.state(name)
    stage = canonical_stage(field(page, "stage"), state.stages)
    check_holding(state, stage, field(page, "holding"))
    archive, comment = field(page, "others") == "archive", field(page, "comment")
    if is_asking:
        asked = registry.request_transition(
            name, version, stage, archive_existing=archive, comment=comment
        )
        return page.redirect(
            "/requests",
            notice=f"Request {asked.number} asks that v{version} of {name} may enter {stage}",
            model=name,
            request=asked.number,
        )
    registry.transition(
        name,
        version,
        stage,
        archive_existing=archive,
        expected_stage=field(page, "from") or None,
        reason=comment,
    )
    return _back(page, name, version, f"v{version} is in {stage}")


def alias(page: Page, name: str, number: str) -> Response:
    """Point an alias here, or remove it."""
    version, text = number_in(number, "version"), field(page, "alias").removeprefix("@")
    if field(page, "do") == "remove":
        acting(page).delete_alias(name, text)
        return _back(page, name, version, f"Removed @{text}")
    acting(page).set_alias(name, text, version)
    return _back(page, name, version, f"@{text} points at v{version}")


def tag(page: Page, name: str, number: str) -> Response:
    """Set a tag, or remove it."""
    version = number_in(number, "version")
    key, value = tag_of(page)
    if field(page, "do") == "remove":
        acting(page).delete_version_tag(name, version, key)
        return _back(page, name, version, f"Removed the tag {key}")
    acting(page).set_version_tag(name, version, key, value)
    return _back(page, name, version, f"Set the tag {key}")


def describe(page: Page, name: str, number: str) -> Response:
    """Another description."""
    version = number_in(number, "version")
    acting(page).set_version_description(name, version, str(page.form.get("description", "")))
    return _back(page, name, version, f"Described v{version}")


def remark(page: Page, name: str, number: str) -> Response:
    """A remark, which stays."""
    version, text = number_in(number, "version"), field(page, "text")
    if not text:
        raise InvalidInput("A remark says something: nothing was changed")
    acting(page).annotate(name, version, text)
    return _back(page, name, version, "Noted")


def _back(page: Page, name: str, version: int, notice: str) -> Response:
    return back_to(page, f"/models/{name}/versions/{version}", notice)


_VERSION = "/models/{name}/versions/{number}"
ROUTES = [
    # To ask is not to move: which right it takes is in the form.
    View(f"{_VERSION}/move", move, methods=("POST",), right="read"),
    View(f"{_VERSION}/aliases", alias, methods=("POST",), right="promote"),
    View(f"{_VERSION}/tags", tag, methods=("POST",)),
    View(f"{_VERSION}/describe", describe, methods=("POST",)),
    View(f"{_VERSION}/remarks", remark, methods=("POST",)),
]
