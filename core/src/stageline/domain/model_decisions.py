"""What may happen to a registered model: create, describe, tag, rename, delete, other stages, a policy."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from stageline.domain import registry_events as ev
from stageline.domain.model import DEFAULT_STAGES, Actor, ModelVersion, Stage
from stageline.domain.model_state import Phase
from stageline.domain.policy import checked_policy
from stageline.domain.registry_names import canonical_stage
from stageline.domain.rights import is_among
from stageline.errors import AlreadyExists, InvalidInput, NotAllowed, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.domain.model_state import ModelState
    from stageline.domain.policy import Policy

Events = list[ev.KnownEvent]


def decide_create(
    state: ModelState,
    *,
    tags: Mapping[str, str] | None = None,
    description: str = "",
    stages: tuple[str, ...] | None = None,
    archive_stage: str | None = None,
) -> Events:
    """A new model under a name that is free."""
    if state.is_active:
        raise AlreadyExists(f"Registered Model (name={state.name}) already exists")
    stages = stages or DEFAULT_STAGES
    return [
        ev.ModelCreated(
            name=state.name,
            description=description,
            tags=dict(tags or {}),
            stages=stages,
            archive_stage=_archive_stage(stages, archive_stage),
        )
    ]


def decide_describe(state: ModelState, description: str) -> Events:
    """Another description."""
    check_active(state)
    if state.description == description:
        return []
    return [ev.ModelDescribed(description=description)]


def decide_set_tag(state: ModelState, key: str, value: str) -> Events:
    """A tag of the model."""
    check_active(state)
    return [] if state.tags.get(key) == value else [ev.ModelTagSet(key=key, value=value)]


def decide_delete_tag(state: ModelState, key: str) -> Events:
    """No such tag any more; an absent one is fine, as it is in the field."""
    check_active(state)
    return [ev.ModelTagDeleted(key=key)] if key in state.tags else []


def decide_delete(state: ModelState) -> Events:
    """The model and its versions are gone."""
    check_active(state)
    check_unprotected(state, state.numbers(), "deleted")
    return [ev.ModelDeleted()]


def decide_rename(state: ModelState, new_name: str, txn: str) -> Events:
    """The entry that ends the old name."""
    check_active(state)
    check_unprotected(state, state.numbers(), "renamed")
    return [ev.ModelRenamed(to=new_name, txn=txn)]


def decide_set_stages(
    state: ModelState, stages: tuple[str, ...], archive_stage: str | None = None
) -> Events:
    """Another list of stages; one that holds a version or has a policy can not go."""
    check_active(state)
    archive = _archive_stage(stages, archive_stage)
    if (stages, archive) == (state.stages, state.archive_stage):
        return []
    used = {stage: state.holding(stage) for stage in state.stages if stage not in stages}
    for stage, held in used.items():
        if held:
            raise NotAllowed(
                f"stage {stage!r} of {state.name!r} holds version {held[0]}: move it before the stage is removed"
            )
        if stage in state.policies or any(
            stage in policy.from_stages for policy in state.policies.values()
        ):
            raise NotAllowed(
                f"stage {stage!r} of {state.name!r} has a policy, or is named in one: change that first"
            )
    for request in state.requests.values():
        if request.status is ev.RequestStatus.PENDING and request.to_stage not in stages:
            raise NotAllowed(
                f"request {request.number} asks for stage {request.to_stage!r} of {state.name!r}: cancel it first"
            )
    return [ev.StagesSet(stages=stages, archive_stage=archive)]


def decide_set_policy(
    state: ModelState, stage: str, policy: Policy | None, *, actor: Actor
) -> Events:
    """Another policy for a stage, or none."""
    check_active(state)
    stage = canonical_stage(stage, state.stages)
    current = state.policies.get(stage)
    if current is not None and not is_among(actor, current.owners, current):
        raise NotAllowed(
            f"{actor.name!r} may not change the policy of {stage} of {state.name!r}: "
            f"its owners are {', '.join(current.owners)}"
        )
    if policy is not None:
        policy = checked_policy(policy, state.stages)
    return [] if policy == current else [ev.PolicySet(stage=stage, policy=policy)]


def check_metrics_known(state: ModelState, policy: Policy, known: set[str]) -> None:
    """Refuse a policy on a metric that no run of the model has: a misspelt one would block for ever.

    A model without versions has no metrics to compare with, so its policies are taken as they are spelt.
    """
    if not state.versions:
        return
    for metric in sorted(policy.metrics - known):
        near = get_close_matches(metric, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidInput(
            f"no run of a version of {state.name!r} has the metric {metric!r}.{hint} Known: "
            f"{', '.join(sorted(known)[:20]) or 'none'}. To set the policy all the same, pass "
            "allow_unknown=True (--allow-unknown)"
        )


def check_active(state: ModelState) -> None:
    """Raise `NotFound` where the name has no model, and say what became of it."""
    if state.is_active:
        return
    became = ""
    if state.phase is Phase.RENAMED:
        became = f": it was renamed to {state.renamed_to!r}"
    elif state.phase is Phase.DELETED:
        became = ": it was deleted; its history is kept"
    raise NotFound(f"Registered Model with name={state.name} not found{became}")


def get_version(state: ModelState, version: int) -> ModelVersion:
    """A version of a model that is there. Raises `NotFound`."""
    check_active(state)
    found = state.find(version)
    if found is None:
        numbers = state.numbers()
        became = " It was deleted." if version < state.next_version else ""
        there = ", ".join(str(number) for number in numbers[-10:]) or "none"
        raise NotFound(
            f"Model Version (name={state.name}, version={version}) not found.{became} The newest are: {there}"
        )
    return found


def check_unprotected(state: ModelState, versions: list[int], what: str) -> None:
    """Raise `NotAllowed` if one of `versions` is in a protected stage."""
    for number in versions:
        stage = state.versions[str(number)].current_stage
        if state.policy(stage).is_protected:
            raise NotAllowed(
                f"version {number} of {state.name!r} is in {stage}, which is protected: it can not be {what}. "
                "Move it to another stage first"
            )


def _archive_stage(stages: tuple[str, ...], given: str | None) -> str | None:
    if given is not None:
        archive = canonical_stage(given, stages)
        if archive == stages[0]:
            raise InvalidInput(f"the first stage, {archive!r}, can not be the archive")
        return archive
    archived = [stage for stage in stages if stage.lower() == Stage.ARCHIVED.value.lower()]
    return archived[0] if archived and archived[0] != stages[0] else None
