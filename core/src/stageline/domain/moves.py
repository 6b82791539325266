"""A version's move into a stage, as the decisions of transitions and of requests share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.gate import Decision, GateFacts, Measured, check_gate
from stageline.domain.model import Actor, VersionFacts
from stageline.domain.model_decisions import Events, get_version
from stageline.domain.registry_names import canonical_stage
from stageline.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from stageline.domain.model_state import ModelState


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
                f"expected one of {held_stages(state)}"
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


def moves_of(state: ModelState, move: Move, cause: ev.Cause, request: int | None = None) -> Events:
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


def held_stages(state: ModelState) -> str:
    return ", ".join(s for s in state.stages if s not in (state.initial_stage, state.archive_stage))
