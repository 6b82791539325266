"""How versions may move between stages: transitions and rollback. Pure, as `decisions` is.

What becomes of requests is decided in `request_decisions`, and named here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.model_decisions import Events, check_active, get_version
from stageline.domain.moves import (
    NOTHING_MEASURED,
    Deed,
    Move,
    checked_move,
    held_stages,
    judge,
    moves_of,
)
from stageline.domain.registry_names import canonical_stage
from stageline.domain.request_decisions import (
    decide_approve,
    decide_cancel,
    decide_reject,
    decide_request,
    find_pending,
    get_pending,
    get_request,
    refused,
    settled,
)
from stageline.domain.rights import is_among
from stageline.errors import InvalidInput, NotAllowed, NotFound

if TYPE_CHECKING:
    from stageline.domain.gate import Decision, Measured
    from stageline.domain.model_state import ModelState

__all__ = [
    "NOTHING_MEASURED",
    "Deed",
    "Move",
    "checked_move",
    "decide_approve",
    "decide_cancel",
    "decide_reject",
    "decide_request",
    "decide_rollback",
    "decide_transition",
    "find_pending",
    "get_pending",
    "get_request",
    "judge",
    "rollback_of",
]


def decide_transition(
    state: ModelState, move: Move, deed: Deed, measured: Measured = NOTHING_MEASURED
) -> Events:
    """The version enters the stage, or a refused request says why not. Nothing if it is there already."""
    move = checked_move(state, move)
    moves = moves_of(state, move, ev.Cause.TRANSITION)
    if not moves:
        return []
    decision = judge(state, move, deed.actor, measured)
    if not decision.allowed:
        return [refused(state, move, deed, decision, "")]
    return [*with_decision(moves, decision), *settled(state, moves, deed)]


def decide_rollback(state: ModelState, stage: str, deed: Deed) -> Events:
    """The version that entered last leaves, and the one that held the stage before it holds it again.

    Rules and approvals are not asked again, since that version met them; who may do it is.
    """
    check_active(state)
    stage = canonical_stage(stage, state.stages)
    if stage in (state.initial_stage, state.archive_stage):
        raise InvalidInput(
            f"a stage that is held is rolled back: expected one of {held_stages(state)}"
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
    return [*moves, *settled(state, moves, deed)]


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


def with_decision(moves: Events, decision: Decision) -> Events:
    """The moves, with the table where there was a policy to judge by."""
    if not decision.results:
        return moves
    return [
        msgspec.structs.replace(move, decision=decision)
        if isinstance(move, ev.StageChanged) and move.version == decision.version
        else move
        for move in moves
    ]
