"""What a model's stage demands of a version before it enters: rules, approvals and rights, as they are stored."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from stageline.domain.document import UNREADABLE, readable
from stageline.domain.query import Comparison, Entity, parse_filter
from stageline.domain.registry_names import canonical_stage, check_label
from stageline.domain.vocabulary import RUNS
from stageline.errors import InvalidInput


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag_field="rule", omit_defaults=True):
    """What all rules have."""

    blocks: bool = True
    """False: a version that breaks the rule may enter, and the decision warns."""


class MetricRule(Rule, frozen=True, kw_only=True, tag="metric"):
    """The version's run has metrics that meet a condition, such as `metrics.rmse < 0.8`."""

    condition: str
    """Comparisons of metrics joined by AND, in the language of search."""


class BetterRule(Rule, frozen=True, kw_only=True, tag="better"):
    """A metric is better than that of every version that holds the stage. An empty stage is no hurdle."""

    metric: str
    direction: Literal["min", "max"]
    """Which is better: the smaller or the greater value."""
    margin: float = 0.0
    """By how much at least."""


class SignatureRule(Rule, frozen=True, kw_only=True, tag="signature"):
    """The model has a signature."""


class RequirementsRule(Rule, frozen=True, kw_only=True, tag="requirements"):
    """The model says which packages it needs."""


class TagRule(Rule, frozen=True, kw_only=True, tag="tag"):
    """The version has a tag."""

    key: str
    value: str | None = None
    """None: any value."""


class CheckRule(Rule, frozen=True, kw_only=True, tag="check"):
    """A check of the user's own, an entry point of the group `stageline.gates`, passes."""

    name: str


AnyRule = MetricRule | BetterRule | SignatureRule | RequirementsRule | TagRule | CheckRule


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for one stage. Where people are named, a name is a user's or a role's, and no names mean everybody."""

    rules: tuple[AnyRule, ...] = ()
    approvals: int = 0
    """How many different people must approve; with any, a version enters by request only."""
    approvers: tuple[str, ...] = ()
    """Who may approve."""
    allow_self_approval: bool = False
    """Whether who asks may approve."""
    may_transition: tuple[str, ...] = ()
    """Who may move a version here without asking, and out of here if the stage is protected."""
    from_stages: tuple[str, ...] = ()
    """The stages from which a version may come; none: any."""
    max_versions: int | None = None
    """How many versions the stage holds at most."""
    is_protected: bool = False
    """Whether a version that is here, and its run, can be neither changed nor deleted."""
    owners: tuple[str, ...] = ()
    """Who may change this policy."""
    roles: dict[str, tuple[str, ...]] = {}
    """Members of roles, beside those whom a server or an orchestrator vouches for."""

    @property
    def conditions(self) -> tuple[Comparison, ...]:
        """The comparisons of all metric rules."""
        return tuple(
            one
            for rule in self.rules
            if isinstance(rule, MetricRule)
            for one in metric_conditions(rule)
        )

    @property
    def metrics(self) -> set[str]:
        """The metrics that the rules name."""
        better = {rule.metric for rule in self.rules if isinstance(rule, BetterRule)}
        return better | {condition.key for condition in self.conditions}

    @property
    def checks(self) -> list[str]:
        """The custom checks that the rules name."""
        return [rule.name for rule in self.rules if isinstance(rule, CheckRule)]

    @property
    def needs_facts(self) -> bool:
        """Whether a rule asks for what only the version's run and files can tell."""
        return any(not isinstance(rule, TagRule) for rule in self.rules)


def parse_policy(document: Any) -> Policy:
    """A policy from plain values, as JSON, YAML and TOML hold them.

    >>> parse_policy({"rules": [{"rule": "metric", "condition": "metrics.rmse < 0.8"}], "approvals": 1}).approvals
    1

    Raises:
        InvalidInput: a field or rule is unknown, or has a value that it can not have.
    """
    known = {field.name for field in msgspec.structs.fields(Policy)}
    if isinstance(document, dict) and not set(document) <= known:
        odd = ", ".join(sorted(map(str, set(document) - known)))
        raise InvalidInput(f"Invalid policy: unknown {odd}; known are {', '.join(sorted(known))}")
    try:
        policy: Policy = msgspec.convert(document, readable(Policy))
    except UNREADABLE as error:
        raise InvalidInput(f"Invalid policy: {error}") from error
    return policy


def metric_conditions(rule: MetricRule) -> tuple[Comparison, ...]:
    """The comparisons of a metric rule. Raises `InvalidInput`."""
    conditions = parse_filter(rule.condition, RUNS)
    if not conditions or any(one.entity is not Entity.METRIC for one in conditions):
        raise InvalidInput(
            f"Invalid metric rule {rule.condition[:200]!r}: expected comparisons of metrics such as "
            "'metrics.rmse < 0.8'"
        )
    return conditions


def condition_text(condition: Comparison) -> str:
    """A comparison of a metric, without the metric: `< 0.8`."""
    return f"{condition.operator.value} {condition.value:g}"


def checked_policy(policy: Policy, stages: tuple[str, ...]) -> Policy:
    """The policy with canonical stages. Raises `InvalidInput` where it can not mean anything."""
    for rule in policy.rules:
        if isinstance(rule, MetricRule):
            metric_conditions(rule)
        elif isinstance(rule, BetterRule):
            if not math.isfinite(rule.margin) or rule.margin < 0:
                raise InvalidInput(
                    f"Invalid margin {rule.margin} of {rule.metric!r}: expected a number from 0, in the metric's unit"
                )
            if rule.direction not in ("min", "max"):
                raise InvalidInput(
                    f"Invalid direction {rule.direction!r}: expected 'min' or 'max', whichever is better"
                )
        elif isinstance(rule, CheckRule):
            check_label("check", rule.name)
    _check_people(policy)
    if policy.max_versions is not None and policy.max_versions < 1:
        raise InvalidInput(
            f"Invalid max_versions {policy.max_versions}: expected at least 1, or None for no limit"
        )
    came_from = tuple(canonical_stage(stage, stages) for stage in policy.from_stages)
    return msgspec.structs.replace(policy, from_stages=came_from)


def _check_people(policy: Policy) -> None:
    for name in (*policy.approvers, *policy.may_transition, *policy.owners, *policy.roles):
        check_label("name of a user or role", name)
    if not 0 <= policy.approvals <= 100:
        raise InvalidInput(f"Invalid approvals {policy.approvals}: expected 0 to 100")
    people = set(policy.approvers) - set(policy.roles)
    for role in set(policy.approvers) & set(policy.roles):
        people |= set(policy.roles[role])
    # A role without members here may have any number of them elsewhere.
    roles_elsewhere = not policy.approvers or any(
        name not in policy.roles for name in policy.approvers
    )
    if not roles_elsewhere and len(people) < policy.approvals:
        raise InvalidInput(
            f"Invalid policy: it asks for {policy.approvals} approvals, and only {len(people)} people may give them"
        )
