"""Undoing one promotion, exactly: what it moved goes back to where it came from. Pure, as `decisions` is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stageline.domain import registry_events as ev
from stageline.domain.model_decisions import Events, check_active
from stageline.domain.request_decisions import settled
from stageline.domain.rights import is_among
from stageline.errors import Conflict, NotAllowed

if TYPE_CHECKING:
    from stageline.domain.model_state import ModelState
    from stageline.domain.moves import Deed


def entering(
    events: Iterable[ev.RegistryEvent], version: int, stage: str
) -> list[ev.StageChanged] | None:
    """The moves of one entry, if by them the version entered the stage."""
    moves = [event for event in events if isinstance(event, ev.StageChanged)]
    found = any((move.version, move.to_stage) == (version, stage) for move in moves)
    return moves if found else None


def decide_take_back(state: ModelState, moves: Sequence[ev.StageChanged], deed: Deed) -> Events:
    """Each version that `moves` moved returns; rules and approvals are not asked again, who may do it is.

    Raises:
        Conflict: one of them has been moved since: what others did is not undone.
        NotAllowed: the actor may not move versions there.
    """
    check_active(state)
    for move in moves:
        found = state.find(move.version)
        if found is None or found.current_stage != move.to_stage:
            where = "is deleted" if found is None else f"is in {found.current_stage}"
            raise Conflict(
                f"version {move.version} of {state.name!r} {where}, no longer in {move.to_stage}: somebody moved on, "
                "so nothing is taken back. Look at its history, and decide again"
            )
        policy = state.policy(move.to_stage)
        if not is_among(deed.actor, policy.may_transition, policy):
            raise NotAllowed(
                f"{deed.actor.name!r} may not take versions of {state.name!r} out of {move.to_stage}: "
                f"{' or '.join(policy.may_transition)} may"
            )
    back: Events = [
        ev.StageChanged(
            version=move.version,
            from_stage=move.to_stage,
            to_stage=move.from_stage,
            cause=ev.Cause.ROLLBACK,
        )
        for move in reversed(moves)
    ]
    return [*back, *settled(state, back, deed)]
