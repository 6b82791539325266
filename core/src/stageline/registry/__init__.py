"""Registered models, their versions and stages: what may happen, and the record of what did (docs/design/003).

Here are the names that a user of `Workspace.registry` writes down: policies and their rules, people, and answers; and
those of a custom check, which is given a `ModelVersion` and its `VersionFacts`.
"""

from stageline.domain.gate import Decision, GateRefused, RuleResult
from stageline.domain.model import Actor, ModelVersion, RegisteredModel, Stage, VersionFacts
from stageline.domain.policy import (
    BetterRule,
    CheckRule,
    MetricRule,
    Policy,
    RequirementsRule,
    SignatureRule,
    TagRule,
    parse_policy,
)
from stageline.domain.registry_events import RequestStatus, TransitionRequest

__all__ = [
    "Actor",
    "BetterRule",
    "CheckRule",
    "Decision",
    "GateRefused",
    "MetricRule",
    "ModelVersion",
    "Policy",
    "RegisteredModel",
    "RequestStatus",
    "RequirementsRule",
    "RuleResult",
    "SignatureRule",
    "Stage",
    "TagRule",
    "TransitionRequest",
    "VersionFacts",
    "parse_policy",
]
