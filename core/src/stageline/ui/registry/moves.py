"""What may be done with a version, each as a button that says what will happen: `Promote v4, archive v3`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.stage_decisions import rollback_of
from stageline.errors import Conflict, NotFound
from stageline.storage.parallel import together
from stageline.ui.registry.gates import approvals_missing, blocking
from stageline.ui.registry.versions import can_replace, pending_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.gate_decision import Decision, RuleResult
    from stageline.domain.model_state import ModelState
    from stageline.domain.registry_events import TransitionRequest
    from stageline.registry.registry import Registry


class Offer(NamedTuple):
    """One way for a version."""

    stage: str
    label: str
    way: str
    """`move` at once, `ask` others, `blocked` by what fails, or `asked` by an open request."""
    decision: Decision
    failing: list[RuleResult]
    holding: str
    """The versions in the stage when the label was written: see `check_holding`."""
    beside: str = ""
    """The label of the same move that leaves the others in the stage; empty if there is none."""
    replaces: bool = False
    """Whether the first label archives others."""
    pending: TransitionRequest | None = None
    missing: int = 0
    """How many approvals it would take."""


class Rollback(NamedTuple):
    """A stage that can be given back to the version before."""

    stage: str
    label: str
    out: int
    back: int


def offers(registry: Registry, state: ModelState, version: int, actor: str) -> list[Offer]:
    """The stages that a version may go to, the last one of the model's first."""
    found = state.find(version)
    here = found.current_stage if found else ""
    stages = [stage for stage in state.stages if stage != here]
    goal = state.to_model().final_stage
    stages.sort(key=lambda stage: (stage != goal, state.stages.index(stage)))
    return together(lambda stage: _offer(registry, state, version, stage, actor), stages)


def move_label(state: ModelState, version: int, stage: str, *, archive: bool) -> str:
    """What a move does, as an order: `Promote v4, archive v3`."""
    if stage == state.archive_stage:
        return f"Archive v{version}"
    found = state.find(version)
    here = found.current_stage if found else state.initial_stage
    if stage == state.initial_stage:
        return f"Take v{version} out of {here}"
    others = [f"v{number}" for number in state.holding(stage) if number != version]
    is_goal = stage == state.to_model().final_stage
    verb = f"Promote v{version}" if is_goal else f"Move v{version} to {stage}"
    if others and archive:
        return f"{verb}, archive {_list(others)}"
    if others:
        return (
            f"{verb} to {stage} beside {_list(others)}"
            if is_goal
            else f"{verb} beside {_list(others)}"
        )
    return f"{verb} to {stage}" if is_goal else verb


def rollbacks(state: ModelState) -> list[Rollback]:
    """The stages that have a version to go back to."""
    found: list[Rollback] = []
    for stage in state.stages:
        if stage in (state.initial_stage, state.archive_stage):
            continue
        try:
            out, back = rollback_of(state, stage)
        except NotFound:
            continue
        away = f"archive v{out}" if state.archive_stage else f"take v{out} out"
        label = f"Roll back {stage}: v{back} again, {away}"
        found.append(Rollback(stage, label, out, back))
    return found


def holding_text(versions: Iterable[int]) -> str:
    """The versions in a stage, as a form carries them."""
    return ",".join(str(number) for number in versions)


def check_holding(state: ModelState, stage: str, expected: str) -> None:
    """Raise `Conflict` if other versions are in the stage than when the button's words were written."""
    there = holding_text(state.holding(stage))
    if there != expected:
        now = ", ".join(f"v{number}" for number in state.holding(stage)) or "nothing"
        raise Conflict(
            f"{stage} of {state.name!r} holds {now} by now: somebody moved first, so the button would not do what it "
            "said. Nothing was changed. Look at the page again, and decide"
        )


def _offer(registry: Registry, state: ModelState, version: int, stage: str, actor: str) -> Offer:
    others = [number for number in state.holding(stage) if number != version]
    archive = bool(others) and can_replace(state, stage)
    decision = registry.check_gate(
        state.name, version, stage, archive_existing=archive, actor=actor
    )
    policy = state.policy(stage)
    pending = pending_for(state, version, stage)
    if pending is not None:
        way = "asked"
    elif decision.allowed:
        way = "move"
    else:
        way = "ask" if decision.lacks_only_approval else "blocked"
    fits = policy.max_versions is None or len(others) < policy.max_versions
    return Offer(
        stage=stage,
        label=move_label(state, version, stage, archive=archive),
        way=way,
        decision=decision,
        failing=decision.failures if way == "blocked" else blocking(decision),
        holding=holding_text(state.holding(stage)),
        beside=move_label(state, version, stage, archive=False) if archive and fits else "",
        replaces=archive,
        pending=pending,
        missing=max(approvals_missing(policy, pending), 1),
    )


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
