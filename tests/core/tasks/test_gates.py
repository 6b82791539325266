"""A version before a gate: asked, answered, promoted, taken back, with no orchestrator in sight."""

from __future__ import annotations

import pytest
from registered import new_store, open_registry, stages, with_versions

from stageline.domain.policy import Policy, TagRule
from stageline.errors import InvalidInput, NotAllowed
from stageline.registry.registry import Registry
from stageline.tasks import Answer, Gate, GateRefused, Promotion, is_granted, is_open

NEEDS_BOB = Policy(approvals=1, approvers=("bob",))


@pytest.fixture
def registry() -> Registry:
    registry = with_versions(new_store(), 2)
    registry.transition("wine", 1, "Production")
    registry.set_policy("wine", "Production", NEEDS_BOB)
    return registry


@pytest.fixture
def gate(registry: Registry) -> Gate:
    return Gate(registry=registry, model="wine", version=2, stage="production")


def test_what_is_in_the_stage_is_behind_the_gate(registry: Registry, gate: Gate):
    assert not gate.is_behind
    assert Gate(registry=registry, model="wine", version=1, stage="PRODUCTION").is_behind


def test_a_refusal_says_whether_asking_would_help(registry: Registry, gate: Gate):
    assert "Ask for approval" in str(gate.refusal(gate.decide()))
    registry.set_policy("wine", "Production", Policy(rules=(TagRule(key="reviewed"),)))
    assert "No approval opens it" in str(gate.refusal(gate.decide()))


def test_a_yes_grants_and_a_no_closes(gate: Gate):
    asked = gate.ask("best")
    assert gate.find_request() == asked
    refused = gate.answer(asked, Answer(approves=False, by="bob", comment="not yet"))
    assert not is_open(refused)
    assert not is_granted(refused)
    assert "was rejected by 'bob': not yet" in str(gate.closing(refused))
    granted = gate.answer(gate.ask(), Answer(approves=True, by=" bob "))
    assert is_granted(granted)
    assert gate.is_behind


def test_an_answer_after_somebody_elses_changes_nothing(registry: Registry, gate: Gate):
    asked = gate.ask()
    open_registry(registry._ledger.store).approve("wine", asked.number, actor="bob")
    late = gate.answer(asked, Answer(approves=False, by="bob"))
    assert is_granted(late)
    gate.withdraw(asked, "too late")
    assert is_granted(gate.standing(asked))


def test_an_answer_needs_a_name_that_may_decide(gate: Gate):
    asked = gate.ask()
    with pytest.raises(InvalidInput, match="has to be named"):
        gate.answer(asked, Answer(approves=True, by=" "))
    with pytest.raises(NotAllowed, match="'eve' may not decide"):
        gate.answer(asked, Answer(approves=True, by="eve"))
    assert is_open(gate.standing(asked))


def test_a_promotion_is_checked_without_writing_made_and_taken_back(registry: Registry, gate: Gate):
    promotion = Promotion(gate, expected_stage=None, reason="best")
    entries = len(registry.history("wine"))
    with pytest.raises(GateRefused):
        promotion.check()
    assert len(registry.history("wine")) == entries
    registry.set_policy("wine", "Production", Policy())
    promotion.check()
    promotion.make()
    assert stages(registry) == {1: "Production", 2: "Production"}
    promotion.take_back("the rest failed")
    promotion.take_back("the rest failed")
    assert stages(registry) == {1: "Production", 2: "None"}
    assert [entry.reason for entry in registry.history("wine")][-2:] == ["best", "the rest failed"]


def test_what_was_never_made_is_not_taken_back(registry: Registry, gate: Gate):
    entries = len(registry.history("wine"))
    Promotion(gate, expected_stage=None, reason=None).take_back("the rest failed")
    assert len(registry.history("wine")) == entries
