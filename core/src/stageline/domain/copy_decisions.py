"""Whether a version of another store may be registered in a model: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.gate import Decision, GateFacts, GateRefused, check_gate
from stageline.domain.model import DEFAULT_STAGES
from stageline.domain.model_decisions import Events, decide_create

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.domain.gate import CheckOutcome
    from stageline.domain.model import Actor, ModelVersion, Origin, RegisteredModel
    from stageline.domain.model_state import ModelState


def decide_copy(
    state: ModelState,
    wanted: ModelVersion,
    model: RegisteredModel,
    actor: Actor,
    checks: Mapping[str, CheckOutcome],
) -> Events:
    """A version with the next number in the first stage; none if its origin has one already.

    Args:
        state: The model there.
        wanted: With any number and stage: those are decided here.
        model: The model that it comes from, whose words and tags a new one gets; its stages and policies it does not.
        actor: Who copies.
        checks: What the custom checks of the first stage's policy said.

    Raises:
        GateRefused: the policy of the model's first stage does not let it in.
    """
    if wanted.origin is not None and find_copy(state, wanted.origin) is not None:
        return []
    check_admitted(state, wanted, actor, checks)
    created: Events = []
    stages = state.stages
    if not state.is_active:
        created = decide_create(state, tags=model.tags, description=model.description)
        stages = DEFAULT_STAGES
    version = msgspec.structs.replace(
        wanted, name=state.name, version=state.next_version, current_stage=stages[0]
    )
    return [*created, ev.VersionRegistered(version=version)]


def find_copy(state: ModelState, origin: Origin) -> ModelVersion | None:
    """The version that was copied from `origin`."""
    for known in state.all_versions():
        if known.origin is not None and known.origin.digest == origin.digest:
            return known
    return None


def check_admitted(
    state: ModelState, wanted: ModelVersion, actor: Actor, checks: Mapping[str, CheckOutcome]
) -> None:
    """Raise `GateRefused` if the policy of the first stage, where a copy begins, does not let `wanted` in."""
    if not state.is_active:
        return
    stage = state.initial_stage
    # It comes from no stage of this model.
    policy = msgspec.structs.replace(state.policy(stage), from_stages=())
    held = state.holding(stage)
    facts = GateFacts(
        version=state.next_version,
        from_stage=stage,
        to_stage=stage,
        actor=actor,
        candidate=wanted.facts,
        tags=wanted.tags,
        incumbents={number: state.versions[str(number)].facts for number in held},
        remaining=len(held),
        checks=dict(checks),
    )
    decision = check_gate(policy, facts)
    if not decision.allowed:
        raise _refused(state.name, wanted, decision)


def _refused(name: str, wanted: ModelVersion, decision: Decision) -> GateRefused:
    why = "; ".join(one.told for one in decision.failures)
    came = f"version {wanted.origin.version} of {wanted.origin.name!r}" if wanted.origin else "it"
    return GateRefused(
        f"{came} may not be copied to {name!r}: the policy of {decision.to_stage}, where it would begin, refuses it: "
        f"{why}. Copy it under another name, or have the owner of the policy change it",
        decision,
    )
