"""A gate is a table: the same policy and facts, the same rows; and one that proves nothing stays shut."""

from __future__ import annotations

import math
import pickle
from typing import Any

import msgspec
import pytest

from stageline.domain.gate import (
    CheckOutcome,
    Decision,
    GateFacts,
    GateRefused,
    check_gate,
    is_among,
    may_approve,
)
from stageline.domain.model import DEFAULT_STAGES, Actor, VersionFacts
from stageline.domain.policy import (
    AnyRule,
    BetterRule,
    CheckRule,
    MetricRule,
    Policy,
    RequirementsRule,
    SignatureRule,
    TagRule,
    checked_policy,
    parse_policy,
)
from stageline.errors import InvalidInput, NotAllowed


def facts(**changes: Any) -> GateFacts:
    plain = GateFacts(version=3, from_stage="Staging", to_stage="Production", actor=Actor("ann"))
    return msgspec.structs.replace(plain, **changes)


def measured(**metrics: float) -> VersionFacts:
    return VersionFacts(metrics=metrics)


def judged(rule: AnyRule, **changes: Any) -> tuple[bool, str, str]:
    (row,) = check_gate(Policy(rules=(rule,)), facts(**changes)).results
    return row.passed, row.measured, row.required


@pytest.mark.parametrize(
    ("condition", "rmse", "passed"),
    [
        ("metrics.rmse < 0.8", 0.7, True),
        ("metrics.rmse < 0.8", 0.8, False),
        ("metrics.rmse <= 0.8", 0.8, True),
        ("metrics.rmse < 0.8", math.nan, False),
        ("metrics.rmse > 0.8", math.inf, True),
        ("metrics.rmse < 0.8 AND metrics.rmse > 0.75", 0.7, False),
        ("metric.`rmse` != 0.8", 0.7, True),
    ],
)
def test_metric_is_compared_as_in_search(condition: str, rmse: float, passed: bool) -> None:
    assert judged(MetricRule(condition=condition), candidate=measured(rmse=rmse))[0] is passed


def test_missing_metric_fails_and_is_said_to_be_missing() -> None:
    rule = MetricRule(condition="metrics.rmse < 0.8")
    assert judged(rule, candidate=measured(mae=0.1)) == (False, "missing", "< 0.8")


@pytest.mark.parametrize(
    ("direction", "margin", "mine", "theirs", "passed"),
    [
        ("min", 0.0, 0.7, 0.8, True),
        ("min", 0.0, 0.8, 0.8, False),
        ("min", 0.1, 0.75, 0.8, False),
        ("min", 0.25, 0.5, 0.75, True),
        ("max", 0.0, 0.8, 0.7, True),
        ("max", 0.0, 0.7, 0.8, False),
        ("max", 0.0, math.nan, 0.8, False),
        ("min", 0.0, 0.1, math.nan, False),
    ],
)
def test_better_than_who_holds_the_stage(
    direction: Any, margin: float, mine: float, theirs: float, passed: bool
) -> None:
    rule = BetterRule(metric="m", direction=direction, margin=margin)
    found = judged(rule, candidate=measured(m=mine), incumbents={1: measured(m=theirs)})
    assert found[0] is passed


def test_better_than_all_who_hold_the_stage() -> None:
    rule = BetterRule(metric="m", direction="max")
    held = {1: measured(m=0.5), 2: measured(m=0.9)}
    assert judged(rule, candidate=measured(m=0.8), incumbents=held) == (
        False, "0.8", "> 0.9 (version 2)",
    )  # fmt: skip


def test_empty_stage_is_no_hurdle() -> None:
    rule = BetterRule(metric="m", direction="max")
    assert judged(rule, candidate=measured(m=0.1))[0]


def test_incumbent_that_was_not_measured_can_not_be_beaten() -> None:
    rule = BetterRule(metric="m", direction="max")
    passed, _, required = judged(
        rule, candidate=measured(m=0.1), incumbents={1: VersionFacts(), 2: measured(m=0.0)}
    )
    assert not passed
    assert "version 1, which has no m" in required


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (SignatureRule(), {"candidate": VersionFacts(has_signature=True)}),
        (RequirementsRule(), {"candidate": VersionFacts(has_requirements=True)}),
        (TagRule(key="reviewed"), {"tags": {"reviewed": ""}}),
        (TagRule(key="reviewed", value="yes"), {"tags": {"reviewed": "yes"}}),
        (CheckRule(name="bias"), {"checks": {"bias": CheckOutcome(True)}}),
    ],
)
def test_presence(rule: AnyRule, good: dict[str, Any]) -> None:
    assert judged(rule, **good)[0]
    assert not judged(rule)[0]


def test_another_tag_value_and_a_failed_check_say_what_was_found() -> None:
    assert judged(TagRule(key="k", value="yes"), tags={"k": "no"}) == (False, "'no'", "'yes'")
    failed = CheckOutcome(False, "women are scored lower")
    assert judged(CheckRule(name="bias"), checks={"bias": failed})[1] == "women are scored lower"


def test_rule_that_only_warns_lets_through() -> None:
    decision = check_gate(Policy(rules=(SignatureRule(blocks=False),)), facts())
    assert decision.allowed
    assert [row.rule for row in decision.warnings] == ["signature"]
    assert decision.failures == []


def test_stage_may_follow_only_those_named() -> None:
    policy = Policy(from_stages=("Staging",))
    assert check_gate(policy, facts()).allowed
    assert not check_gate(policy, facts(from_stage="None")).allowed


@pytest.mark.parametrize(("remaining", "allowed"), [(0, True), (1, True), (2, False)])
def test_stage_holds_so_many_versions(remaining: int, allowed: bool) -> None:
    assert check_gate(Policy(max_versions=2), facts(remaining=remaining)).allowed is allowed


def test_who_may_transition() -> None:
    policy = Policy(may_transition=("leads", "eve"), roles={"leads": ("ann",)})
    assert check_gate(policy, facts()).allowed
    assert check_gate(policy, facts(actor=Actor("eve"))).allowed
    assert check_gate(policy, facts(actor=Actor("x", frozenset({"leads"})))).allowed
    refused = check_gate(policy, facts(actor=Actor("bob")))
    assert not refused.allowed
    assert refused.lacks_only_approval


def test_protected_stage_is_left_only_by_who_may_transition_there() -> None:
    protected = Policy(is_protected=True, may_transition=("ann",))
    assert check_gate(Policy(), facts(leaving=protected)).allowed
    assert not check_gate(Policy(), facts(leaving=protected, actor=Actor("bob"))).allowed


def test_approvals_are_counted() -> None:
    policy = Policy(approvals=2)
    assert check_gate(policy, facts()).lacks_only_approval
    asked = facts(is_requested=True, approved_by=("bob",))
    assert not check_gate(policy, asked).allowed
    assert check_gate(policy, facts(is_requested=True, approved_by=("bob", "eve"))).allowed


def test_request_needs_one_approval_whatever_the_policy() -> None:
    assert not check_gate(Policy(), facts(is_requested=True)).allowed
    assert check_gate(Policy(), facts(is_requested=True, approved_by=("bob",))).allowed


def test_lacking_more_than_approval_is_told_apart() -> None:
    policy = Policy(approvals=1, rules=(SignatureRule(),))
    assert not check_gate(policy, facts()).lacks_only_approval


def test_who_may_approve() -> None:
    policy = Policy(approvers=("reviewers",), roles={"reviewers": ("bob", "ann")})
    assert may_approve(Actor("bob"), "ann", policy)
    assert not may_approve(Actor("ann"), "ann", policy)
    assert not may_approve(Actor("eve"), "ann", policy)
    assert may_approve(Actor("eve", frozenset({"reviewers"})), "ann", policy)
    own = msgspec.structs.replace(policy, allow_self_approval=True)
    assert may_approve(Actor("ann"), "ann", own)
    assert may_approve(Actor("anyone"), "ann", Policy())
    assert not may_approve(Actor("anyone"), "ann", Policy(may_transition=("bob",)))


def test_nobody_named_means_everybody() -> None:
    assert is_among(Actor("x"), (), Policy())


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (Policy(rules=(MetricRule(condition="params.a = 'x'"),)), "comparisons of metrics"),
        (Policy(rules=(MetricRule(condition=""),)), "comparisons of metrics"),
        (Policy(rules=(MetricRule(condition="metrics.rmse <"),)), "Invalid clause"),
        (Policy(rules=(BetterRule(metric="m", direction="min", margin=-1),)), "margin"),
        (Policy(rules=(BetterRule(metric="m", direction="min", margin=math.nan),)), "margin"),
        (Policy(rules=(BetterRule(metric="m", direction="up"),)), "direction"),  # type: ignore[arg-type]
        (Policy(rules=(CheckRule(name=" "),)), "check"),
        (Policy(max_versions=0), "max_versions"),
        (Policy(approvals=-1), "approvals"),
        (Policy(from_stages=("Nowhere",)), "Invalid Model Version stage: Nowhere"),
        (Policy(approvals=2, approvers=("r",), roles={"r": ("bob",)}), "only 1 people"),
    ],
)
def test_policy_that_can_mean_nothing_is_refused(policy: Policy, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        checked_policy(policy, DEFAULT_STAGES)


def test_policy_comes_from_plain_values_and_goes_back() -> None:
    plain = {
        "rules": [
            {"rule": "metric", "condition": "metrics.rmse < 0.8"},
            {"rule": "better", "metric": "rmse", "direction": "min", "blocks": False},
        ],
        "approvers": ["bob"],
    }
    assert msgspec.json.decode(msgspec.json.encode(parse_policy(plain))) == plain


@pytest.mark.parametrize(
    "document",
    [
        {"rule": []}, {"rules": [{"rule": "magic"}]}, {"approvals": "two"}, [], None,
        {"rules": [{"rule": "better", "metric": "m", "direction": "up"}]},
    ],
)  # fmt: skip
def test_plain_values_that_are_no_policy(document: Any) -> None:
    with pytest.raises(InvalidInput, match="Invalid policy"):
        parse_policy(document)


def test_policy_names_stages_as_the_model_does() -> None:
    checked = checked_policy(Policy(from_stages=("staging",)), DEFAULT_STAGES)
    assert checked.from_stages == ("Staging",)


def test_decision_reads_as_a_table() -> None:
    policy = Policy(
        rules=(MetricRule(condition="metrics.rmse < 0.8"), SignatureRule(blocks=False)),
        approvals=1,
        approvers=("bob",),
    )
    decision = check_gate(policy, facts(candidate=measured(rmse=0.71)))
    assert str(decision).splitlines() == [
        "version 3: Staging -> Production is refused",
        "rule          measured  required",
        "metrics.rmse  0.71      < 0.8        passes",
        "signature     missing   present      warns",
        "approvals     0         >= 1 by bob  FAILS",
    ]


def test_refusal_is_an_ordinary_error_and_survives_pickling() -> None:
    decision = Decision(version=1, from_stage="None", to_stage="Staging", allowed=False)
    again = pickle.loads(pickle.dumps(GateRefused("no", decision)))
    assert isinstance(again, NotAllowed)
    assert (str(again), again.decision) == ("no", decision)
