"""The table of a model's versions: where each stands, what its gate says, how far it is from what holds the stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.registry_events import RequestStatus
from stageline.storage.parallel import together
from stageline.ui.primary import Primary, verdict
from stageline.ui.registry.gates import GateWords, gate_words
from stageline.ui.registry.primary import primary_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.gate_decision import Decision
    from stageline.domain.model import ModelVersion
    from stageline.domain.model_state import ModelState
    from stageline.domain.registry_events import TransitionRequest
    from stageline.registry.registry import Registry

PAGE_SIZE = 25
"""Versions on a page: each costs a look at its run."""


class VersionRow(NamedTuple):
    """One version."""

    version: ModelVersion
    gate: GateWords
    value: float | None
    delta: float | None
    """To what holds the stage; None where either has no such metric, and for the holder itself."""
    verdict: str


class VersionTable(NamedTuple):
    """Some versions of a model, the newest first."""

    rows: Sequence[VersionRow]
    total: int
    """How many there are, of those that were asked for."""
    stage: str
    """The one whose gate is shown."""
    metric: Primary | None
    metrics: Sequence[str]
    """All that could be chosen."""
    holder: int | None


def read_versions(
    registry: Registry,
    state: ModelState,
    *,
    actor: str,
    stage: str = "",
    metric: str = "",
    start: int = 0,
    limit: int = PAGE_SIZE,
) -> VersionTable:
    """The versions of a stage, or all: asks the runs of those that are shown."""
    goal = state.to_model().final_stage
    known = [one for one in reversed(state.all_versions()) if stage in ("", one.current_stage)]
    shown = known[start : start + limit]
    holder = last_holder(state, goal)
    looked = {one.version: one for one in (*shown, *([holder] if holder else []))}
    found = together(registry.facts_of, looked.values())
    facts = {n: one.metrics for n, one in zip(looked, found, strict=True)}
    policy = state.policies.get(goal)
    primary = primary_metric(policy, list(facts.values()), metric)
    decisions = _decisions(registry, state, goal, [one.version for one in shown], actor)
    held = facts[holder.version].get(primary.key) if holder and primary else None

    def row(one: ModelVersion) -> VersionRow:
        value = facts[one.version].get(primary.key) if primary else None
        is_held = holder is not None and one.version == holder.version
        delta = None if value is None or held is None or is_held else value - held
        words = gate_words(
            decisions.get(one.version), policy, pending_for(state, one.version, goal)
        )
        return VersionRow(one, words, value, delta, verdict(delta, primary.sign if primary else 0))

    return VersionTable(
        rows=[row(one) for one in shown],
        total=len(known),
        stage=goal,
        metric=primary,
        metrics=sorted({key for each in facts.values() for key in each}),
        holder=holder.version if holder else None,
    )


def last_holder(state: ModelState, stage: str) -> ModelVersion | None:
    """Of the versions in a stage, the one that entered it last."""
    inside = state.holding(stage)
    for number in reversed(state.holders.get(stage, ())):
        if number in inside:
            return state.find(number)
    return state.find(inside[-1]) if inside else None


def pending_for(state: ModelState, version: int, stage: str) -> TransitionRequest | None:
    """The open request that a version enter a stage."""
    for one in state.requests.values():
        is_same = (one.version, one.to_stage) == (version, stage)
        if is_same and one.status is RequestStatus.PENDING:
            return one
    return None


def open_requests(state: ModelState) -> list[TransitionRequest]:
    """The open requests of a model, the oldest first."""
    found = [one for one in state.requests.values() if one.status is RequestStatus.PENDING]
    return sorted(found, key=lambda one: one.number)


def can_replace(state: ModelState, stage: str) -> bool:
    """Whether what enters a stage may put what was there into the archive."""
    return state.archive_stage is not None and stage not in (
        state.initial_stage,
        state.archive_stage,
    )


def _decisions(
    registry: Registry, state: ModelState, stage: str, versions: Sequence[int], actor: str
) -> dict[int, Decision]:
    if not versions:
        return {}
    return registry.check_gates(
        state.name, stage, versions, archive_existing=can_replace(state, stage), actor=actor
    )
