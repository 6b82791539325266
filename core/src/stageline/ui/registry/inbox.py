"""Requests as an inbox shows them: who asks for what, what stands in the way, and what a yes would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.gate import may_approve
from stageline.domain.model import Actor
from stageline.domain.registry_events import RequestStatus
from stageline.domain.rights import is_among
from stageline.ui.registry.gates import approvals_missing, blocking, checks_of
from stageline.ui.registry.moves import holding_text, move_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.gate_decision import RuleResult
    from stageline.domain.model_state import ModelState
    from stageline.domain.registry_events import TransitionRequest
    from stageline.registry.registry import Registry

CLOSED_SHOWN = 100


class Letter(NamedTuple):
    """A request with the name of its model: a line of the inbox."""

    name: str
    request: TransitionRequest


class Answerable(NamedTuple):
    """An open request, and what the reader may answer."""

    checks: Sequence[RuleResult]
    """The rows of the gate's table as it is now, without those about people."""
    failing: Sequence[RuleResult]
    """Checks by which a yes would be refused."""
    missing: int
    """How many yeses are missing."""
    approvers: str
    """Who may give them; empty: anybody else than whoever asked."""
    effect: str
    """What the last yes does: `Promote v4, archive v3`."""
    approve_label: str
    why_not_approve: str
    """Why the reader may not approve; empty if they may."""
    may_reject: bool
    may_cancel: bool
    holding: str


def letters(registry: Registry, *, is_open: bool) -> list[Letter]:
    """Open requests, the oldest first; or those that were closed, the last one first."""
    if is_open:
        return [Letter(*one) for one in registry.requests()]
    known = [Letter(*one) for one in registry.requests(status=None)]
    closed = [one for one in known if one.request.status is not RequestStatus.PENDING]
    return sorted(closed, key=lambda one: -one.request.closed_time)[:CLOSED_SHOWN]


def answerable(
    registry: Registry, state: ModelState, request: TransitionRequest, actor: str
) -> Answerable:
    """What may be answered to an open request, by its policy and by the gate as it is now."""
    policy, person = state.policy(request.to_stage), Actor(actor)
    decision = registry.check_gate(
        state.name,
        request.version,
        request.to_stage,
        archive_existing=request.archive_existing,
        actor=request.requested_by,
    )
    missing = approvals_missing(policy, request)
    effect = move_label(state, request.version, request.to_stage, archive=request.archive_existing)
    people = policy.approvers or policy.may_transition
    return Answerable(
        checks=checks_of(decision),
        failing=blocking(decision),
        missing=missing,
        approvers=" or ".join(people),
        effect=effect,
        approve_label=f"Approve: {effect[0].lower()}{effect[1:]}"
        if missing <= 1
        else f"Approve ({missing - 1} more needed after yours)",
        why_not_approve=_why_not(state, request, person, people),
        may_reject=is_among(person, people, policy),
        may_cancel=actor == request.requested_by,
        holding=holding_text(state.holding(request.to_stage)),
    )


def _why_not(
    state: ModelState, request: TransitionRequest, person: Actor, people: Sequence[str]
) -> str:
    policy = state.policy(request.to_stage)
    by = f": {' or '.join(people)} may" if people else ""
    if any(one.by == person.name for one in request.approvals):
        return "You have approved this."
    if may_approve(person, request.requested_by, policy):
        return ""
    if person.name == request.requested_by and is_among(person, people, policy):
        return f"You asked for this, so somebody else must approve it{by}."
    return f"{person.name} may not approve this{by}."
