"""Policies, and what a gate says, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from stageline.server.api.shape import Ask, Shape


class MetricRule(Ask):
    """The version's run has metrics that meet a condition."""

    rule: Literal["metric"]
    condition: str = Field(examples=["metrics.rmse < 0.8"])
    blocks: bool = True


class BetterRule(Ask):
    """A metric is better than that of every version that holds the stage."""

    rule: Literal["better"]
    metric: str = Field(examples=["rmse"])
    direction: Literal["min", "max"]
    margin: float = Field(0.0, allow_inf_nan=False, strict=False)
    blocks: bool = True


class SignatureRule(Ask):
    """The model has a signature."""

    rule: Literal["signature"]
    blocks: bool = True


class RequirementsRule(Ask):
    """The model says which packages it needs."""

    rule: Literal["requirements"]
    blocks: bool = True


class TagRule(Ask):
    """The version has a tag; with a value if one is given."""

    rule: Literal["tag"]
    key: str
    value: str | None = None
    blocks: bool = True


class CheckRule(Ask):
    """A check that is installed at the server passes."""

    rule: Literal["check"]
    name: str
    blocks: bool = True


Rule = Annotated[
    MetricRule | BetterRule | SignatureRule | RequirementsRule | TagRule | CheckRule,
    Field(discriminator="rule"),
]


class Policy(Ask):
    """What a stage demands of versions that enter it. A name is a user's or a role's; no names mean everybody."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "rules": [{"rule": "metric", "condition": "metrics.rmse < 0.8"}],
                    "approvals": 1,
                }
            ]
        },
    )

    rules: list[Rule] = Field(default_factory=list)
    approvals: int = 0
    approvers: list[str] = Field(default_factory=list)
    allow_self_approval: bool = False
    may_transition: list[str] = Field(default_factory=list)
    from_stages: list[str] = Field(default_factory=list)
    max_versions: int | None = None
    is_protected: bool = False
    owners: list[str] = Field(default_factory=list)
    roles: dict[str, list[str]] = Field(default_factory=dict)


class StagePolicy(Shape):
    """A stage, and its policy."""

    stage: str
    policy: Policy | None = None
    """None: nothing is demanded."""


class StagePolicies(Shape):
    """Of a model, for each of its stages."""

    policies: list[StagePolicy]


class RuleResult(Shape):
    """One row of a decision."""

    rule: str = Field(examples=["metrics.rmse"])
    passed: bool
    measured: str = Field(examples=["0.91"])
    required: str = Field(examples=["< 0.8"])
    blocks: bool = True


class Decision(Shape):
    """Whether a version may enter a stage, and why."""

    version: int
    from_stage: str
    to_stage: str
    allowed: bool
    results: list[RuleResult]
