"""How versions may move between stages: transitions, requests and their approval, rollback. Pure, as `decisions` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.decisions import Events, check_active, get_version
from stageline.domain.gate import (
    Decision,
    GateFacts,
    Measured,
    approvals_needed,
    check_gate,
    is_among,
    may_approve,
)
from stageline.domain.model import Actor, VersionFacts
from stageline.domain.registry_names import canonical_stage
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, NotFound

if TYPE_CHECKING:
    from stageline.domain.registry_state import ModelState


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Who does something, and when."""

    actor: Actor
    time: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """The command to bring a version into a stage."""

    version: int
    stage: str
    archive_existing: bool = False
    expected_stage: str | None = None
    """The stage that it must be in now."""


NOTHING_MEASURED = Measured()


def decide_transition(
    state: ModelState, move: Move, deed: Deed, measured: Measured = NOTHING_MEASURED
) -> Events:
    """The version enters the stage, or a refused request says why not. Nothing if it is there already."""
    move = checked_move(state, move)
    moves = _moves(state, move, ev.Cause.TRANSITION)
    if not moves:
        return []
    decision = judge(state, move, deed.actor, measured)
    if not decision.allowed:
        return [_refused(state, move, deed, decision, "")]
    return [*_with_decision(moves, decision), *_settled(state, moves, deed)]


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
        return [_refused(state, move, deed, decision, comment)]
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
        refused = _closed(number, ev.RequestStatus.REFUSED, deed, comment, decision)
        return [approved, refused]
    moves = _moves(state, move, ev.Cause.REQUEST, request=number)
    return [
        approved,
        *moves,
        _closed(number, ev.RequestStatus.APPROVED, deed, comment, decision),
        *_settled(state, moves, deed, but=number),
    ]


def decide_reject(state: ModelState, number: int, deed: Deed, *, comment: str = "") -> Events:
    """No. Who may approve may reject; whoever asked cancels instead."""
    request = get_pending(state, number)
    policy = state.policy(request.to_stage)
    if not is_among(deed.actor, policy.approvers or policy.may_transition, policy):
        raise NotAllowed(_why_not_approver(state, request, deed.actor))
    return [_closed(number, ev.RequestStatus.REJECTED, deed, comment)]


def decide_cancel(state: ModelState, number: int, deed: Deed, *, comment: str = "") -> Events:
    """Whoever asked asks no longer."""
    request = get_pending(state, number)
    if deed.actor.name != request.requested_by:
        raise NotAllowed(
            f"request {number} of {state.name!r} is {request.requested_by!r}'s to cancel: reject it instead"
        )
    return [_closed(number, ev.RequestStatus.CANCELLED, deed, comment)]


def decide_rollback(state: ModelState, stage: str, deed: Deed) -> Events:
    """The version that entered last leaves, and the one that held the stage before it holds it again.

    Rules and approvals are not asked again, since that version met them; who may do it is.
    """
    check_active(state)
    stage = canonical_stage(stage, state.stages)
    if stage in (state.initial_stage, state.archive_stage):
        raise InvalidInput(
            f"a stage that is held is rolled back: expected one of {_held_stages(state)}"
        )
    policy = state.policy(stage)
    if not is_among(deed.actor, policy.may_transition, policy):
        raise NotAllowed(
            f"{deed.actor.name!r} may not move versions of {state.name!r} to {stage}: "
            f"{' or '.join(policy.may_transition)} may"
        )
    current, previous = rollback_of(state, stage)
    back = ev.StageChanged(
        version=current,
        from_stage=stage,
        to_stage=state.archive_stage or state.initial_stage,
        cause=ev.Cause.ROLLBACK,
    )
    before = get_version(state, previous).current_stage
    again = ev.StageChanged(
        version=previous, from_stage=before, to_stage=stage, cause=ev.Cause.ROLLBACK
    )
    moves: Events = [back] if before == stage else [back, again]
    return [*moves, *_settled(state, moves, deed)]


def rollback_of(state: ModelState, stage: str) -> tuple[int, int]:
    """The version that a rollback takes out of `stage`, and the one that it brings back. Raises `NotFound`."""
    entered = state.holders.get(stage, ())
    held = state.holding(stage)
    inside = [position for position, version in enumerate(entered) if version in held]
    if not inside:
        raise NotFound(f"no version of {state.name!r} is in {stage}: there is nothing to roll back")
    current = entered[inside[-1]]
    for previous in reversed(entered[: inside[-1]]):
        if previous != current and state.find(previous) is not None:
            return current, previous
    raise NotFound(
        f"no version of {state.name!r} that is still there was in {stage} before version {current}"
    )


# -- what they share ------------------------------------------------------------------------------


def checked_move(state: ModelState, move: Move) -> Move:
    """The move with canonical stages, where it makes sense. Raises otherwise."""
    current = get_version(state, move.version).current_stage
    stage = canonical_stage(move.stage, state.stages)
    if move.archive_existing and (
        state.archive_stage is None or stage in (state.initial_stage, state.archive_stage)
    ):
        raise InvalidInput(
            f"archive_existing_versions is not allowed towards stage {stage!r}: "
            + (
                f"expected one of {_held_stages(state)}"
                if state.archive_stage
                else f"{state.name!r} has no stage for archived versions; set_stages(archive_stage=...) names one"
            )
        )
    if move.expected_stage is not None:
        expected = canonical_stage(move.expected_stage, state.stages)
        if current != expected:
            raise Conflict(
                f"version {move.version} of {state.name!r} is in {current}, not in {expected} as expected: "
                "somebody moved it first. Look at its history, and decide again"
            )
    return msgspec.structs.replace(move, stage=stage)


def judge(
    state: ModelState,
    move: Move,
    actor: Actor,
    measured: Measured = NOTHING_MEASURED,
    *,
    approved_by: tuple[str, ...] | None = None,
) -> Decision:
    """The gate's table for a checked move. With `approved_by`, for a request that has these approvals."""
    candidate = get_version(state, move.version)
    others = [number for number in state.holding(move.stage) if number != move.version]

    def facts(number: int) -> VersionFacts:
        return measured.versions.get(number) or state.versions[str(number)].facts

    return check_gate(
        state.policy(move.stage),
        GateFacts(
            version=move.version,
            from_stage=candidate.current_stage,
            to_stage=move.stage,
            actor=actor,
            candidate=facts(move.version),
            tags=candidate.tags,
            incumbents={number: facts(number) for number in others},
            remaining=0 if move.archive_existing else len(others),
            checks=measured.checks,
            approved_by=approved_by or (),
            is_requested=approved_by is not None,
            leaving=state.policy(candidate.current_stage)
            if candidate.current_stage != move.stage
            else state.policy(""),
        ),
    )


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


def _held_stages(state: ModelState) -> str:
    return ", ".join(s for s in state.stages if s not in (state.initial_stage, state.archive_stage))


def _moves(state: ModelState, move: Move, cause: ev.Cause, request: int | None = None) -> Events:
    moves: Events = []
    if move.archive_existing and state.archive_stage is not None:
        moves = [
            ev.StageChanged(
                version=number,
                from_stage=move.stage,
                to_stage=state.archive_stage,
                cause=ev.Cause.ARCHIVED,
            )
            for number in state.holding(move.stage)
            if number != move.version
        ]
    current = get_version(state, move.version).current_stage
    if current != move.stage:
        entered = ev.StageChanged(
            version=move.version,
            from_stage=current,
            to_stage=move.stage,
            cause=cause,
            request=request,
        )
        moves.append(entered)
    return moves


def _with_decision(moves: Events, decision: Decision) -> Events:
    """The moves, with the table where there was a policy to judge by."""
    if not decision.results:
        return moves
    return [
        msgspec.structs.replace(move, decision=decision)
        if isinstance(move, ev.StageChanged) and move.version == decision.version
        else move
        for move in moves
    ]


def _settled(state: ModelState, moves: Events, deed: Deed, but: int | None = None) -> Events:
    """The end of other open requests for what has happened by now."""
    settled: Events = []
    for move in moves:
        if isinstance(move, ev.StageChanged):
            request = find_pending(state, Move(version=move.version, stage=move.to_stage))
            if request is not None and request.number != but:
                comment = f"version {move.version} entered {move.to_stage} without it"
                settled.append(_closed(request.number, ev.RequestStatus.CANCELLED, deed, comment))
    return settled


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


def _refused(
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


def _closed(
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
