"""Two versions of a model side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.decisions import get_version
from stageline.errors import NotFound
from stageline.ui.registry.asked import number_in
from stageline.ui.registry.differences import differences
from stageline.ui.registry.sides import read_sides
from stageline.ui.registry.versions import last_holder
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.domain.model_state import ModelState
    from stageline.ui.page import Page


def compare(page: Page, name: str) -> Response:
    """Metrics, params, data, signature and tags of version `a`, and what `b` has instead."""
    state = page.workspace.registry.state(name)
    if not state.versions:
        raise NotFound(f"{name!r} has no versions to compare")
    first, second = _chosen(page, state)
    goal = state.to_model().final_stage
    versions = [get_version(state, first), get_version(state, second)]
    sides = read_sides(page.workspace, versions)
    return page.render(
        "model_compare.html",
        state=state,
        sides=sides,
        parts=differences(sides[0], sides[1], state.policies.get(goal)),
        shows_all=page.query.get("show", "") == "all",
    )


def _chosen(page: Page, state: ModelState) -> tuple[int, int]:
    """What the address names; what holds the last stage beside the newest version where it does not."""
    numbers = state.numbers()
    holder = last_holder(state, state.to_model().final_stage)
    usual = holder.version if holder else numbers[0]
    given = page.query.get("a", ""), page.query.get("b", "")
    return (
        number_in(given[0], "version") if given[0] else usual,
        number_in(given[1], "version") if given[1] else numbers[-1],
    )


ROUTES = [View("/models/{name}/compare", compare)]
