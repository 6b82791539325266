"""Policies of stages, and what they would say to a version."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from stageline.domain.policy import parse_policy
from stageline.domain.registry_names import canonical_stage
from stageline.server.api import words
from stageline.server.api.asking import Asker, Asking, Name, Number, StageName
from stageline.server.api.failures import ToldRoute
from stageline.server.api.gate_shapes import Decision, Policy, StagePolicies, StagePolicy

router = APIRouter(route_class=ToldRoute, tags=["gates"])

Reason = Annotated[str | None, Query(description="Why, for the history.")]


@router.get("/models/{name}/policies")
def list_policies(ask: Asking, name: Name) -> StagePolicies:
    """What each stage of a model demands."""
    registry = ask.reading(name)
    stages = registry.get(name).stages
    return StagePolicies(policies=[_policy(ask, name, stage) for stage in stages])


@router.get("/models/{name}/policies/{stage}")
def get_policy(ask: Asking, name: Name, stage: StageName) -> StagePolicy:
    """What a stage demands."""
    ask.check("read", model=name)
    return _policy(ask, name, stage)


@router.put("/models/{name}/policies/{stage}")
def set_policy(
    ask: Asking,
    name: Name,
    stage: StageName,
    policy: Policy,
    reason: Reason = None,
    allow_unknown: Annotated[
        bool, Query(description="Accept metrics that no run of the model has, and checks.")
    ] = False,
) -> StagePolicy:
    """Demand this of versions that enter a stage from now on. What is in the stage stays there."""
    given = parse_policy(policy.model_dump(exclude_unset=True))
    ask.promoting(name).set_policy(name, stage, given, allow_unknown=allow_unknown, reason=reason)
    return _policy(ask, name, stage)


@router.delete("/models/{name}/policies/{stage}")
def delete_policy(ask: Asking, name: Name, stage: StageName, reason: Reason = None) -> StagePolicy:
    """Demand nothing any more."""
    ask.promoting(name).set_policy(name, stage, None, reason=reason)
    return _policy(ask, name, stage)


@router.get("/models/{name}/versions/{version}/gates/{stage}")
def check_gate(
    ask: Asking,
    name: Name,
    version: Number,
    stage: StageName,
    archive_existing: Annotated[bool, Query()] = False,
) -> Decision:
    """Whether the caller's transition would be let in now, with each rule's measured value. Changes nothing."""
    registry = ask.reading(name)
    return Decision.model_validate(
        registry.check_gate(name, version, stage, archive_existing=archive_existing)
    )


def _policy(ask: Asker, name: str, stage: str) -> StagePolicy:
    known = canonical_stage(stage, ask.registry.get(name).stages)
    return StagePolicy(stage=known, policy=words.policy(ask.registry.get_policy(name, known)))
