"""The inbox of requests: what each would change, and the forms by which it is approved, rejected or cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.domain.registry_events import RequestStatus
from stageline.domain.stage_decisions import get_request
from stageline.errors import InvalidInput, NotAllowed
from stageline.ui.registry.asked import (
    acting,
    check_may_ask,
    check_may_move,
    field,
    number_in,
)
from stageline.ui.registry.differences import differences
from stageline.ui.registry.inbox import answerable, letters
from stageline.ui.registry.moves import check_holding
from stageline.ui.registry.sides import read_sides
from stageline.ui.registry.versions import last_holder
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def requests(page: Page) -> Response:
    """The list, and beside it the request that was chosen, or the first."""
    is_open = page.query.get("show", "open") != "closed"
    found = [
        one
        for one in letters(page.workspace.registry, is_open=is_open)
        if page.may("read", model=one.name)
    ]
    name, number = page.query.get("model", ""), page.query.get("request", "")
    if name and not page.may("read", model=name):
        raise NotAllowed(f"{page.actor} has no right to read model {name}")
    if name:
        chosen = _chosen(page, name, number_in(number, "request"))
    else:
        chosen = _chosen(page, found[0].name, found[0].request.number) if found else {}
    return page.render("requests.html", letters=found, is_open=is_open, chosen=chosen)


def _chosen(page: Page, name: str, number: int) -> dict[str, Any]:
    """One request with its differences from what holds the stage."""
    registry = page.workspace.registry
    state = registry.state(name)
    request = get_request(state, number)
    is_pending = request.status is RequestStatus.PENDING
    candidate = state.find(request.version)
    holder = last_holder(state, request.to_stage)
    others = [holder] if holder and holder.version != request.version else []
    parts = []
    if candidate is not None and is_pending:
        mine, *held = read_sides(page.workspace, [candidate, *others])
        against = held[0] if held else mine
        parts = differences(against, mine, state.policies.get(request.to_stage))
    return {
        "state": state,
        "request": request,
        "candidate": candidate,
        "holder": others[0] if others else None,
        "parts": parts,
        "answer": answerable(registry, state, request, page.actor) if is_pending else None,
    }


def answer(page: Page, name: str, number: str) -> Response:
    """Approve, reject or cancel: in the reader's name, with their comment."""
    request, comment = number_in(number, "request"), field(page, "comment")
    registry, wanted = acting(page), field(page, "do")
    if wanted == "cancel":
        check_may_ask(page, name)
    else:
        check_may_move(page, name)
    if wanted == "approve":
        state = registry.state(name)
        asked = get_request(state, request)
        if asked.status is RequestStatus.PENDING:
            check_holding(state, asked.to_stage, field(page, "holding"))
        done = registry.approve(name, request, comment=comment)
        is_moved = done.status is RequestStatus.APPROVED
        told = f"v{done.version} is in {done.to_stage}" if is_moved else "more approvals are needed"
        notice = f"Approved request {request} of {name}: {told}"
    elif wanted == "reject":
        if not comment:
            raise InvalidInput(
                "A rejection needs a reason: say why, for whoever asked. Nothing was changed"
            )
        registry.reject(name, request, comment=comment)
        notice = f"Rejected request {request} of {name}"
    elif wanted == "cancel":
        registry.cancel(name, request, comment=comment)
        notice = f"Took request {request} of {name} back"
    else:
        raise InvalidInput(f"Invalid answer {wanted[:50]!r}: expected approve, reject or cancel")
    return page.redirect("/requests", notice=notice)


ROUTES = [
    View("/requests", requests, judges_itself=True),
    View("/models/{name}/requests/{number}/answer", answer, methods=("POST",), right="read"),
]
