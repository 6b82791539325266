"""One registered model: its versions, what may be rolled back, where it runs; and the forms that change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.registry_names import canonical_stage
from stageline.errors import Conflict, InvalidInput
from stageline.lineage.export.captions import is_page
from stageline.ui.markdown import rendered
from stageline.ui.registry.asked import acting, back_to, field, tag_of
from stageline.ui.registry.moves import rollbacks
from stageline.ui.registry.versions import PAGE_SIZE, open_requests, read_versions
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def model(page: Page, name: str) -> Response:
    """Its versions, the newest first."""
    registry = page.workspace.registry
    state = registry.state(name)
    wanted = page.query.get("stage", "")
    stage = canonical_stage(wanted, state.stages) if wanted else ""
    start = page.start
    table = read_versions(
        registry,
        state,
        actor=page.actor,
        stage=stage,
        metric=page.query.get("metric", ""),
        start=start,
    )
    return page.render(
        "model.html",
        state=state,
        table=table,
        stage=stage,
        counts={one: len(state.holding(one)) for one in state.stages},
        requests=open_requests(state),
        rollbacks=rollbacks(state),
        deployments=[
            (one, where)
            for one in reversed(state.all_versions())
            for where in one.deployments.values()
        ],
        is_page=is_page,
        description=rendered(state.description),
        start=start,
        size=PAGE_SIZE,
    )


def describe(page: Page, name: str) -> Response:
    """Another description."""
    acting(page).set_description(name, str(page.form.get("description", "")))
    return back_to(page, f"/models/{name}", f"Described {name}")


def tag(page: Page, name: str) -> Response:
    """Set a tag, or remove it."""
    key, value = tag_of(page)
    if field(page, "do") == "remove":
        acting(page).delete_tag(name, key)
        return back_to(page, f"/models/{name}", f"Removed the tag {key}")
    acting(page).set_tag(name, key, value)
    return back_to(page, f"/models/{name}", f"Set the tag {key}")


def rollback(page: Page, name: str) -> Response:
    """Give a stage back to the version that held it before, as the button said."""
    stage, reason = field(page, "stage"), field(page, "comment")
    if not reason:
        raise InvalidInput("Say why, for the history: nothing was changed")
    registry = acting(page, reason)
    said = f"{field(page, 'out')}>{field(page, 'back')}"
    possible = {one.stage: f"{one.out}>{one.back}" for one in rollbacks(registry.state(name))}
    if possible.get(stage) != said:
        raise Conflict(
            f"somebody moved a version of {name!r} to or from {stage} since, so the button would not do what it said. "
            "Nothing was changed. Look at the page again, and decide"
        )
    version = registry.rollback(name, stage)
    return back_to(
        page, f"/models/{name}", f"Rolled back: v{version.version} is in {version.current_stage}"
    )


ROUTES = [
    View("/models/{name}", model),
    View("/models/{name}/describe", describe, methods=("POST",)),
    View("/models/{name}/tags", tag, methods=("POST",)),
    View("/models/{name}/rollback", rollback, methods=("POST",), right="promote"),
]
