"""The rules of a policy at a gate: each one becomes a row of the table."""

from __future__ import annotations

import math
from typing import Any

from typing_extensions import assert_never

from stageline.domain.gate_decision import CHECK, RuleResult
from stageline.domain.gate_facts import CheckOutcome, GateFacts
from stageline.domain.like import matches
from stageline.domain.policy import (
    AnyRule,
    BetterRule,
    CheckRule,
    MetricRule,
    RequirementsRule,
    SignatureRule,
    TagRule,
    condition_text,
    metric_conditions,
)


def judged(rule: AnyRule, facts: GateFacts) -> RuleResult:
    """The row of one rule."""
    match rule:
        case MetricRule():
            return _metric(rule, facts.candidate.metrics)
        case BetterRule():
            return _better(rule, facts)
        case SignatureRule():
            return _presence(rule, "signature", facts.candidate.has_signature)
        case RequirementsRule():
            return _presence(rule, "requirements", facts.candidate.has_requirements)
        case TagRule():
            return _tag(rule, facts.tags)
        case CheckRule():
            outcome = facts.checks.get(rule.name)
            if outcome is None:
                outcome = CheckOutcome(False, "was not run")
            said = outcome.message or ("passed" if outcome.passed else "failed")
            return _row(rule, f"{CHECK}{rule.name}", outcome.passed, said, "passes")
        case _:
            assert_never(rule)


def _metric(rule: MetricRule, metrics: dict[str, float]) -> RuleResult:
    conditions = metric_conditions(rule)
    if len(conditions) == 1:
        (one,) = conditions
        name, measured = f"metrics.{one.key}", _number(metrics.get(one.key))
        required = condition_text(one)
    else:
        name = "metrics"
        measured = ", ".join(f"{one.key} {_number(metrics.get(one.key))}" for one in conditions)
        required = ", ".join(f"{one.key} {condition_text(one)}" for one in conditions)
    passed = all(matches(one, metrics.get(one.key)) for one in conditions)
    return _row(rule, name, passed, measured, required)


def _better(rule: BetterRule, facts: GateFacts) -> RuleResult:
    name = f"better {rule.metric}"
    mine = facts.candidate.metrics.get(rule.metric)
    if not facts.incumbents:
        return _row(rule, name, True, _number(mine), f"no version holds {facts.to_stage}")
    sign = -1.0 if rule.direction == "min" else 1.0
    theirs = {n: held.metrics.get(rule.metric) for n, held in facts.incumbents.items()}
    unknown = [n for n, value in theirs.items() if value is None or math.isnan(value)]
    if unknown:
        return _row(
            rule, name, False, _number(mine),
            f"better than version {unknown[0]}, which has no {rule.metric}",
        )  # fmt: skip
    best, value = max(theirs.items(), key=lambda held: sign * (held[1] or 0.0))
    held = value or 0.0
    gain = math.nan if mine is None else sign * (mine - held)
    margin = f" by {rule.margin:g}" if rule.margin else ""
    comparison = "<" if rule.direction == "min" else ">"
    return _row(
        rule, name, gain > 0 and gain >= rule.margin, _number(mine),
        f"{comparison} {held:g}{margin} (version {best})",
    )  # fmt: skip


def _presence(rule: AnyRule, name: str, is_there: bool) -> RuleResult:
    return _row(rule, name, is_there, "present" if is_there else "missing", "present")


def _tag(rule: TagRule, tags: dict[str, str]) -> RuleResult:
    found = tags.get(rule.key)
    passed = found is not None if rule.value is None else found == rule.value
    required = "any value" if rule.value is None else repr(rule.value)
    measured = "missing" if found is None else repr(found[:100])
    return _row(rule, f"tag {rule.key}", passed, measured, required)


def _row(rule: Any, name: str, passed: bool, measured: str, required: str) -> RuleResult:
    return RuleResult(
        rule=name, passed=passed, measured=measured, required=required, blocks=rule.blocks
    )


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.6g}"
