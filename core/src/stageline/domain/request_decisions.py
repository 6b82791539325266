"""What may happen to a request that a version enter a stage: open, approve, reject, cancel. Pure, as `decisions` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.model import Actor
from stageline.domain.model_decisions import Events, check_active, get_version
from stageline.domain.moves import NOTHING_MEASURED, Deed, Move, checked_move, judge, moves_of
from stageline.domain.rights import approvals_needed, is_among, may_approve
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, NotFound

if TYPE_CHECKING:
    from stageline.domain.gate import Decision, Measured
    from stageline.domain.model_state import ModelState


def decide_request(
    state: ModelState,
    move: Move,
    deed: Deed,
    measured: Measured = NOTHING_MEASURED,
    *,
    comment: str = "",
) -> Events:
    """A request that waits for approval; one that the gate refuses whoever approves is closed at once."""
    move = checked_move(state, move)
    if get_version(state, move.version).current_stage == move.stage:
        raise InvalidInput(f"version {move.version} of {state.name!r} is in {move.stage} already")
    pending = find_pending(state, move)
    if pending is not None:
        if pending.requested_by == deed.actor.name:
            return []
        raise AlreadyExists(
            f"request {pending.number} of {pending.requested_by!r} already asks for version {move.version} of "
            f"{state.name!r} to enter {move.stage}: approve or reject it"
        )
    decision = judge(state, move, deed.actor, measured, approved_by=())
    if not decision.lacks_only_approval:
        return [refused(state, move, deed, decision, comment)]
    request = _request(state, move, deed, decision, comment)
    return [ev.RequestOpened(request=request)]


def decide_approve(
    state: ModelState,
    number: int,
    deed: Deed,
    measured: Measured = NOTHING_MEASURED,
    *,
    comment: str = "",
) -> Events:
    """One more yes; the one that completes the policy moves the version in the same entry."""
    request = get_pending(state, number)
    policy = state.policy(request.to_stage)
    if not may_approve(deed.actor, request.requested_by, policy):
        raise NotAllowed(_why_not_approver(state, request, deed.actor))
    _check_may_let_go(state, request, deed.actor)
    given = [approval.by for approval in request.approvals]
    if deed.actor.name in given:
        return []
    approval = ev.Approval(deed.actor.name, deed.time, comment)
    move = Move(
        version=request.version, stage=request.to_stage, archive_existing=request.archive_existing
    )
    requester = Actor(request.requested_by)
    decision = judge(state, move, requester, measured, approved_by=(*given, deed.actor.name))
    approved = ev.RequestApproved(number=number, approval=approval, decision=decision)
    if len(given) + 1 < approvals_needed(policy):
        return [approved]
    if not decision.allowed:
        refused = closed(number, ev.RequestStatus.REFUSED, deed, comment, decision)
        return [approved, refused]
    moves = moves_of(state, move, ev.Cause.REQUEST, request=number)
    return [
        approved,
        *moves,
        closed(number, ev.RequestStatus.APPROVED, deed, comment, decision),
        *settled(state, moves, deed, but=number),
    ]


def decide_reject(state: ModelState, number: int, deed: Deed, *, comment: str = "") -> Events:
    """No. Who may approve may reject; whoever asked cancels instead."""
    request = get_pending(state, number)
    policy = state.policy(request.to_stage)
    if not is_among(deed.actor, policy.approvers or policy.may_transition, policy):
        raise NotAllowed(_why_not_approver(state, request, deed.actor))
    return [closed(number, ev.RequestStatus.REJECTED, deed, comment)]


def decide_cancel(state: ModelState, number: int, deed: Deed, *, comment: str = "") -> Events:
    """Whoever asked asks no longer."""
    request = get_pending(state, number)
    if deed.actor.name != request.requested_by:
        raise NotAllowed(
            f"request {number} of {state.name!r} is {request.requested_by!r}'s to cancel: reject it instead"
        )
    return [closed(number, ev.RequestStatus.CANCELLED, deed, comment)]


def get_request(state: ModelState, number: int) -> ev.TransitionRequest:
    """A request that the state remembers. Raises `NotFound`."""
    check_active(state)
    request = state.requests.get(str(number))
    if request is None:
        pending = [one for one in state.requests.values() if one.status is ev.RequestStatus.PENDING]
        raise NotFound(
            f"{state.name!r} has no request {number}; pending are: "
            f"{', '.join(str(one.number) for one in pending) or 'none'}. Old ones are in its history"
        )
    return request


def get_pending(state: ModelState, number: int) -> ev.TransitionRequest:
    """A request that is still open. Raises `NotFound`, `Conflict`."""
    request = get_request(state, number)
    if request.status is not ev.RequestStatus.PENDING:
        raise Conflict(
            f"request {number} of {state.name!r} is {request.status} already, by {request.closed_by!r}"
        )
    return request


def find_pending(state: ModelState, move: Move) -> ev.TransitionRequest | None:
    """The open request for the same move."""
    for request in state.requests.values():
        same = (request.version, request.to_stage) == (move.version, move.stage)
        if same and request.status is ev.RequestStatus.PENDING:
            return request
    return None


def settled(state: ModelState, moves: Events, deed: Deed, but: int | None = None) -> Events:
    """The end of other open requests for what has happened by now."""
    settled: Events = []
    for move in moves:
        if isinstance(move, ev.StageChanged):
            request = find_pending(state, Move(version=move.version, stage=move.to_stage))
            if request is not None and request.number != but:
                comment = f"version {move.version} entered {move.to_stage} without it"
                settled.append(closed(request.number, ev.RequestStatus.CANCELLED, deed, comment))
    return settled


def refused(
    state: ModelState, move: Move, deed: Deed, decision: Decision, comment: str
) -> ev.RequestOpened:
    request = _request(state, move, deed, decision, comment)
    return ev.RequestOpened(
        request=msgspec.structs.replace(
            request,
            status=ev.RequestStatus.REFUSED,
            closed_by=deed.actor.name,
            closed_time=deed.time,
        )
    )


def closed(
    number: int,
    status: ev.RequestStatus,
    deed: Deed,
    comment: str = "",
    decision: Decision | None = None,
) -> ev.RequestClosed:
    return ev.RequestClosed(
        number=number,
        status=status,
        by=deed.actor.name,
        time=deed.time,
        comment=comment,
        decision=decision,
    )


def _request(
    state: ModelState, move: Move, deed: Deed, decision: Decision, comment: str
) -> ev.TransitionRequest:
    return ev.TransitionRequest(
        number=state.next_request,
        version=move.version,
        from_stage=decision.from_stage,
        to_stage=move.stage,
        archive_existing=move.archive_existing,
        requested_by=deed.actor.name,
        time=deed.time,
        comment=comment,
        decision=decision,
    )


def _check_may_let_go(state: ModelState, request: ev.TransitionRequest, actor: Actor) -> None:
    """Out of a protected stage, who may move versions there approves."""
    stage = get_version(state, request.version).current_stage
    policy = state.policy(stage)
    if policy.is_protected and not is_among(actor, policy.may_transition, policy):
        raise NotAllowed(
            f"{stage} of {state.name!r} is protected: only {' or '.join(policy.may_transition)} may approve that "
            f"version {request.version} leaves it"
        )


def _why_not_approver(state: ModelState, request: ev.TransitionRequest, actor: Actor) -> str:
    policy = state.policy(request.to_stage)
    people = policy.approvers or policy.may_transition
    if actor.name == request.requested_by and is_among(actor, people, policy):
        return (
            f"request {request.number} of {state.name!r} is {actor.name!r}'s own: somebody else must approve it"
            + (f" ({' or '.join(people)})" if people else "")
        )
    return (
        f"{actor.name!r} may not decide request {request.number} of {state.name!r}: "
        f"{' or '.join(people)} may"
    )
