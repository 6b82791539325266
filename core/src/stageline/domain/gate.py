"""The gate before a stage: a policy and the facts go in, a table of what holds and what does not comes out.

What it looks at is in `gate_facts`, its answer in `gate_decision`, and who may do what in `rights`: named here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.gate_decision import (
    APPROVALS,
    MAY_TRANSITION,
    Decision,
    GateRefused,
    RuleResult,
)
from stageline.domain.gate_facts import CheckOutcome, GateFacts, Measured
from stageline.domain.gate_rules import judged
from stageline.domain.rights import approvals_needed, is_among, may_approve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.domain.policy import Policy

__all__ = [
    "CheckOutcome",
    "Decision",
    "GateFacts",
    "GateRefused",
    "Measured",
    "RuleResult",
    "approvals_needed",
    "check_gate",
    "is_among",
    "may_approve",
]


def check_gate(policy: Policy, facts: GateFacts) -> Decision:
    """Judge one transition. Pure: the same policy and facts give the same table.

    >>> from stageline.domain.model import Actor, VersionFacts
    >>> from stageline.domain.policy import MetricRule, Policy
    >>> policy = Policy(rules=(MetricRule(condition="metrics.rmse < 0.8"),))
    >>> facts = GateFacts(
    ...     version=3, from_stage="Staging", to_stage="Production", actor=Actor("ann"),
    ...     candidate=VersionFacts(metrics={"rmse": 0.91}),
    ... )
    >>> print(check_gate(policy, facts))
    version 3: Staging -> Production is refused
    rule          measured  required
    metrics.rmse  0.91      < 0.8     FAILS
    """
    results = (
        *(judged(rule, facts) for rule in policy.rules),
        *_order(policy, facts),
        *_people(policy, facts),
    )
    return Decision(
        version=facts.version,
        from_stage=facts.from_stage,
        to_stage=facts.to_stage,
        allowed=all(one.passed or not one.blocks for one in results),
        results=results,
    )


def _order(policy: Policy, facts: GateFacts) -> Iterator[RuleResult]:
    if policy.from_stages:
        yield RuleResult(
            rule="comes from",
            passed=facts.from_stage in policy.from_stages,
            measured=facts.from_stage,
            required=" or ".join(policy.from_stages),
        )
    if policy.max_versions is not None:
        yield RuleResult(
            rule="versions held",
            passed=facts.remaining < policy.max_versions,
            measured=str(facts.remaining + 1),
            required=f"<= {policy.max_versions}",
        )


def _people(policy: Policy, facts: GateFacts) -> Iterator[RuleResult]:
    needed = approvals_needed(policy) if facts.is_requested else policy.approvals
    if policy.may_transition and not facts.is_requested:
        yield _right(policy, facts, MAY_TRANSITION)
    # Or whoever may not change a version here could move it out and change it then.
    if facts.leaving.is_protected and facts.leaving.may_transition and not facts.is_requested:
        yield _right(facts.leaving, facts, f"may leave {facts.from_stage}")
    if needed:
        yield RuleResult(
            rule=APPROVALS,
            passed=len(facts.approved_by) >= needed,
            measured=f"{len(facts.approved_by)}"
            + (f" ({', '.join(facts.approved_by)})" if facts.approved_by else ""),
            required=f">= {needed}" + _by(policy.approvers or policy.may_transition),
        )


def _right(policy: Policy, facts: GateFacts, rule: str) -> RuleResult:
    return RuleResult(
        rule=rule,
        passed=is_among(facts.actor, policy.may_transition, policy),
        measured=facts.actor.name,
        required=" or ".join(policy.may_transition),
    )


def _by(people: tuple[str, ...]) -> str:
    return f" by {' or '.join(people)}" if people else ""
