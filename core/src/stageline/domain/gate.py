"""The gate before a stage: a policy and the facts go in, a table of what holds and what does not comes out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import assert_never

from stageline.domain.like import matches
from stageline.domain.model import Actor, VersionFacts
from stageline.domain.policy import (
    AnyRule,
    BetterRule,
    CheckRule,
    MetricRule,
    Policy,
    RequirementsRule,
    SignatureRule,
    TagRule,
    condition_text,
    metric_conditions,
)
from stageline.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class CheckOutcome(msgspec.Struct, frozen=True):
    """What a custom check said."""

    passed: bool
    message: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out for a decision and is not in the journal."""

    versions: dict[int, VersionFacts] = {}
    """Of the candidate and of those that hold the stage; where one is missing, its facts at registration count."""
    checks: dict[str, CheckOutcome] = {}


class GateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a gate looks at."""

    version: int
    from_stage: str
    to_stage: str
    actor: Actor
    candidate: VersionFacts = VersionFacts()
    tags: dict[str, str] = {}
    incumbents: dict[int, VersionFacts] = {}
    """The other versions that hold the stage now."""
    remaining: int = 0
    """How many of them will still hold it afterwards."""
    checks: dict[str, CheckOutcome] = {}
    approved_by: tuple[str, ...] = ()
    is_requested: bool = False
    """Whether the version enters by request: the approvals stand for the right to move it."""
    leaving: Policy = Policy()
    """Of the stage that the version is in."""


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a decision."""

    rule: str
    passed: bool
    measured: str
    required: str
    blocks: bool = True


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a version may enter a stage, and why.

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

    version: int
    from_stage: str
    to_stage: str
    allowed: bool
    results: tuple[RuleResult, ...] = ()

    @property
    def failures(self) -> list[RuleResult]:
        """What stands in the way."""
        return [result for result in self.results if not result.passed and result.blocks]

    @property
    def warnings(self) -> list[RuleResult]:
        """What does not hold and does not block."""
        return [result for result in self.results if not result.passed and not result.blocks]

    @property
    def lacks_only_approval(self) -> bool:
        """Whether asking for approval would be enough."""
        return bool(self.failures) and all(one.rule in _PEOPLE for one in self.failures)

    def __str__(self) -> str:
        rows = [("rule", "measured", "required", "")]
        rows += [(one.rule, one.measured, one.required, _verdict(one)) for one in self.results]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        verdict = "allowed" if self.allowed else "refused"
        lines = [f"version {self.version}: {self.from_stage} -> {self.to_stage} is {verdict}"]
        for row in rows if self.results else ():
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("  ".join([*cells, row[3]]).rstrip())
        return "\n".join(lines)


class GateRefused(NotAllowed):
    """A version may not enter a stage; `decision` is the whole table."""

    code = "not_allowed"

    def __init__(self, message: str, decision: Decision | None = None) -> None:
        super().__init__(message)
        self.decision = decision


APPROVALS = "approvals"
MAY_TRANSITION = "may transition"
_PEOPLE = (APPROVALS, MAY_TRANSITION)


def check_gate(policy: Policy, facts: GateFacts) -> Decision:
    """Judge one transition. Pure: the same policy and facts give the same table."""
    results = (
        *(_judged(rule, facts) for rule in policy.rules),
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


def is_among(actor: Actor, people: Iterable[str], policy: Policy) -> bool:
    """Whether one of `people`, each a user or a role, is `actor`; where nobody is named, everybody is."""
    named = set(people)
    members = {name for role in named for name in policy.roles.get(role, ())}
    return not named or actor.name in named | members or bool(named & actor.roles)


def may_approve(actor: Actor, requested_by: str, policy: Policy) -> bool:
    """Whether `actor` may approve what `requested_by` asked for. Where no approver is named: who may transition."""
    is_self = actor.name == requested_by and not policy.allow_self_approval
    return not is_self and is_among(actor, policy.approvers or policy.may_transition, policy)


def approvals_needed(policy: Policy) -> int:
    """How many approvals a request needs: at least one, whatever the policy says."""
    return max(policy.approvals, 1)


def _judged(rule: AnyRule, facts: GateFacts) -> RuleResult:
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
            return _row(rule, f"check {rule.name}", outcome.passed, said, "passes")
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


def _row(rule: Any, name: str, passed: bool, measured: str, required: str) -> RuleResult:
    return RuleResult(
        rule=name, passed=passed, measured=measured, required=required, blocks=rule.blocks
    )


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.6g}"


def _verdict(result: RuleResult) -> str:
    if result.passed:
        return "passes"
    return "FAILS" if result.blocks else "warns"
