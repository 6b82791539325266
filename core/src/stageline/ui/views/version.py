"""One version of a registered model: what it is, what the gates say, what may be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.decisions import get_version
from stageline.lineage.export.captions import is_page
from stageline.ui.markdown import rendered
from stageline.ui.registry.asked import number_in
from stageline.ui.registry.differences import differences
from stageline.ui.registry.moves import offers
from stageline.ui.registry.policies import demands
from stageline.ui.registry.sides import read_sides
from stageline.ui.registry.snippets import snippets
from stageline.ui.registry.versions import last_holder, open_requests
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def version(page: Page, name: str, number: str) -> Response:
    """The page of a version."""
    registry = page.workspace.registry
    state = registry.state(name)
    found = get_version(state, number_in(number, "version"))
    goal = state.to_model().final_stage
    holder = last_holder(state, goal)
    others = [holder] if holder and holder.version != found.version else []
    mine, *held = read_sides(page.workspace, [found, *others])
    beside = differences(held[0], mine, state.policies.get(goal)) if held else []
    return page.render(
        "version.html",
        state=state,
        version=found,
        side=mine,
        goal=goal,
        holder=held[0].version.version if held else None,
        deltas={row.key: row for part in beside if part.key == "metrics" for row in part.rows},
        offers=offers(registry, state, found.version, page.actor),
        policies={stage: demands(policy) for stage, policy in state.policies.items()},
        requests=[one for one in open_requests(state) if one.version == found.version],
        is_protected=state.policy(found.current_stage).is_protected,
        is_page=is_page,
        description=rendered(found.description),
        snippets=snippets(page.workspace, found),
    )


ROUTES = [View("/models/{name}/versions/{number}", version)]
