"""Transitions, gates, requests and rollback by the public surface."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from registered import MadeUpFacts, new_store, open_registry, run, stages, with_versions

from stageline.domain.gate import GateRefused
from stageline.domain.model import VersionFacts
from stageline.domain.policy import (
    BetterRule,
    CheckRule,
    MetricRule,
    Policy,
    SignatureRule,
    TagRule,
)
from stageline.domain.registry_events import RequestStatus
from stageline.errors import Conflict, InvalidInput, NotAllowed, NotFound
from stageline.registry.registry import Registry
from stageline.storage.memory import MemoryStore

GOOD = Policy(rules=(MetricRule(condition="metrics.rmse < 0.8"),))


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


@pytest.fixture
def facts() -> MadeUpFacts:
    return MadeUpFacts({"r1": run("1", rmse=0.9), "r2": run("2", rmse=0.7), "r3": run("3")})


@pytest.fixture
def registry(store: MemoryStore, facts: MadeUpFacts) -> Registry:
    registry = open_registry(store, "ann", facts)
    for run_id in facts.runs:
        registry.register("wine", run_id)
    return registry


def test_transition_and_its_reason(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    moved = registry.transition("wine", 1, "production", reason="best so far", actor="bob")
    assert moved.current_stage == "Production"
    last = registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("bob", "best so far")


def test_transition_to_where_it_is_writes_nothing(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Production")
    assert registry.transition("wine", 1, "PRODUCTION").current_stage == "Production"
    assert len(registry.history("wine")) == 3 - 1


@pytest.mark.parametrize("stage", ["Live", "", "production "])
def test_unknown_stage_names_the_known_ones(store: MemoryStore, stage: str) -> None:
    registry = with_versions(store, 1)
    with pytest.raises(InvalidInput, match="one of None, Staging, Production, Archived"):
        registry.transition("wine", 1, stage)
    assert len(registry.history("wine")) == 1


def test_gate_refuses_and_only_the_refused_request_is_written(registry: Registry) -> None:
    registry.set_policy("wine", "production", GOOD)
    before = stages(registry)
    with pytest.raises(GateRefused, match=r"metrics.rmse is 0.9, required < 0.8") as refused:
        registry.transition("wine", 1, "Production")
    assert refused.value.decision is not None
    assert not refused.value.decision.allowed
    assert stages(registry) == before
    ((name, request),) = registry.requests(status=RequestStatus.REFUSED)
    assert (name, request.version, request.decision) == ("wine", 1, refused.value.decision)
    assert registry.requests() == []
    assert registry.transition("wine", 2, "Production").current_stage == "Production"


def test_check_gate_shows_each_rule_and_writes_nothing(registry: Registry) -> None:
    registry.set_policy(
        "wine",
        "Production",
        Policy(rules=(*GOOD.rules, SignatureRule(blocks=False), TagRule(key="reviewed"))),
    )
    entries = len(registry.history("wine"))
    decision = registry.check_gate("wine", 2, "Production")
    assert [(row.rule, row.passed) for row in decision.results] == [
        ("metrics.rmse", True), ("signature", False), ("tag reviewed", False),
    ]  # fmt: skip
    assert not decision.allowed
    assert len(registry.history("wine")) == entries
    assert registry.check_gate("wine", 1, "Staging").allowed


def test_gate_sees_what_was_logged_after_registration(
    registry: Registry, facts: MadeUpFacts
) -> None:
    registry.set_policy("wine", "Production", GOOD)
    facts.runs["r1"] = run("1", rmse=0.1)
    assert registry.check_gate("wine", 1, "Production").allowed
    del facts.runs["r2"]
    assert registry.check_gate("wine", 2, "Production").allowed, "as it was registered"


def test_candidate_must_beat_who_holds_the_stage(registry: Registry, facts: MadeUpFacts) -> None:
    registry.set_policy(
        "wine", "Production",
        Policy(rules=(BetterRule(metric="rmse", direction="min", margin=0.05),)),
    )  # fmt: skip
    registry.transition("wine", 2, "Production")
    with pytest.raises(GateRefused, match=r"required < 0.7 by 0.05 \(version 2\)"):
        registry.transition("wine", 1, "Production", archive_existing=True)
    facts.runs["r1"] = run("1", rmse=0.6)
    registry.transition("wine", 1, "Production", archive_existing=True)
    assert stages(registry)[2] == "Archived"


def test_policy_on_a_metric_that_no_run_has_is_refused(registry: Registry) -> None:
    policy = Policy(rules=(MetricRule(condition="metrics.rsme < 1"),))
    with pytest.raises(InvalidInput, match=r"no run .* has the metric 'rsme'. Did you mean 'rmse'"):
        registry.set_policy("wine", "Production", policy)
    assert registry.get_policy("wine", "Production") is None
    registry.set_policy("wine", "Production", policy, allow_unknown=True)
    assert registry.get_policy("wine", "production") == policy


def test_metric_that_was_logged_after_registration_is_known(
    registry: Registry, facts: MadeUpFacts
) -> None:
    facts.runs["r3"] = run("3", auc=0.9)
    registry.set_policy(
        "wine", "Production", Policy(rules=(MetricRule(condition="metrics.auc > 0.5"),))
    )


def test_policy_goes_as_it_came(registry: Registry) -> None:
    registry.set_policy("wine", "Production", GOOD, actor="lead", reason="board")
    registry.set_policy("wine", "Production", None)
    assert registry.get_policy("wine", "Production") is None
    assert registry.transition("wine", 1, "Production").current_stage == "Production"


# -- custom checks --------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that declares checks."""
    (tmp_path / "stageline_test_gates.py").write_text(
        "def good(version, facts): return facts.metrics['rmse'] < 0.8\n"
        "def words(version, facts): return f'version {version.version} is biased'\n"
        "def breaks(version, facts): raise RuntimeError('no such table')\n"
    )
    info = tmp_path / "stageline_test_gates-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: stageline-test-gates\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(
        "[stageline.gates]\n"
        + "".join(f"{n} = stageline_test_gates:{n}\n" for n in ("good", "words", "breaks"))
        + "gone = stageline_test_gates:gone\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "stageline_test_gates", raising=False)


@pytest.mark.usefixtures("installed")
def test_custom_check_decides(registry: Registry) -> None:
    registry.set_policy("wine", "Production", Policy(rules=(CheckRule(name="good"),)))
    assert registry.check_gate("wine", 2, "Production").allowed
    assert not registry.check_gate("wine", 1, "Production").allowed


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("words", "version 2 is biased"),
        ("breaks", "raised RuntimeError: no such table"),
        ("gone", "raised AttributeError"),
    ],
)
def test_check_that_says_no_or_breaks_keeps_the_gate_shut(
    registry: Registry, name: str, says: str
) -> None:
    registry.set_policy("wine", "Production", Policy(rules=(CheckRule(name=name),)))
    decision = registry.check_gate("wine", 2, "Production")
    assert not decision.allowed
    assert decision.results[0].measured.startswith(says)


def test_check_that_is_not_installed(registry: Registry) -> None:
    policy = Policy(rules=(CheckRule(name="bias"),))
    with pytest.raises(InvalidInput, match="no check 'bias' is installed here"):
        registry.set_policy("wine", "Production", policy)
    registry.set_policy("wine", "Production", policy, allow_unknown=True)
    assert registry.check_gate("wine", 1, "Production").results[0].measured == (
        "is not installed here"
    )


# -- requests -------------------------------------------------------------------------------------


def test_request_is_approved_by_others_and_moves_the_version_in_one_entry(
    store: MemoryStore, registry: Registry
) -> None:
    policy = Policy(approvals=2, approvers=("bob", "leads"), roles={"leads": ("eve",)})
    registry.set_policy("wine", "Production", policy)
    with pytest.raises(GateRefused, match="Ask for approval with request_transition"):
        registry.transition("wine", 2, "Production")
    asked = registry.request_transition("wine", 2, "production", comment="please")
    assert (asked.status, asked.comment, asked.requested_by) == ("pending", "please", "ann")
    assert registry.request_transition("wine", 2, "Production") == asked
    with pytest.raises(NotAllowed, match="bob or leads may"):
        registry.approve("wine", asked.number)
    other = open_registry(store, "bob")
    assert other.approve("wine", asked.number, comment="fine").status is RequestStatus.PENDING
    entries = len(registry.history("wine"))
    done = other.approve("wine", asked.number, actor="eve")
    assert done.status is RequestStatus.APPROVED
    assert stages(registry)[2] == "Production"
    assert len(registry.history("wine")) == entries + 1


def test_request_is_rejected_or_cancelled(registry: Registry) -> None:
    first = registry.request_transition("wine", 1, "Production")
    assert registry.reject("wine", first.number, actor="bob", comment="no").closed_by == "bob"
    second = registry.request_transition("wine", 1, "Production")
    assert second.number == first.number + 1
    with pytest.raises(NotAllowed):
        registry.cancel("wine", second.number, actor="bob")
    assert registry.cancel("wine", second.number).status is RequestStatus.CANCELLED
    with pytest.raises(Conflict, match="is cancelled already"):
        registry.approve("wine", second.number, actor="bob")
    with pytest.raises(NotFound, match="has no request 9"):
        registry.approve("wine", 9, actor="bob")
    with pytest.raises(InvalidInput):
        registry.approve("wine", "1")  # type: ignore[arg-type]
    assert stages(registry)[1] == "None"


def test_rules_that_no_longer_hold_refuse_at_the_last_approval(
    registry: Registry, facts: MadeUpFacts
) -> None:
    registry.set_policy("wine", "Production", Policy(rules=GOOD.rules, approvals=1))
    asked = registry.request_transition("wine", 2, "Production")
    facts.runs["r2"] = run("2", rmse=0.95)
    with pytest.raises(GateRefused, match=r"rmse is 0\.95"):
        registry.approve("wine", asked.number, actor="bob")
    assert registry.get_request("wine", asked.number).status is RequestStatus.REFUSED
    assert stages(registry)[2] == "None"


def test_requests_of_all_models(store: MemoryStore, registry: Registry) -> None:
    registry.register("beer", source="s3://x")
    registry.request_transition("wine", 1, "Production")
    registry.request_transition("beer", 1, "Staging")
    registry.request_transition("wine", 2, "Staging")
    assert [(n, r.version) for n, r in registry.requests()] == [
        ("beer", 1),
        ("wine", 1),
        ("wine", 2),
    ]
    assert [r.version for _, r in registry.requests("wine", version=2)] == [2]
    assert [n for n, _ in registry.requests(stage="staging")] == ["beer", "wine"]
    assert registry.requests(status="approved") == []
    with pytest.raises(InvalidInput, match="expected one of pending"):
        registry.requests(status="open")


# -- rollback and protection ----------------------------------------------------------------------


def test_rollback_gives_the_stage_back(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.transition("wine", 1, "Production")
    registry.transition("wine", 2, "Production", archive_existing=True)
    back = open_registry(store).rollback("wine", "production", reason="bad predictions")
    assert (back.version, back.current_stage) == (1, "Production")
    assert stages(registry) == {1: "Production", 2: "Archived"}
    with pytest.raises(NotFound):
        registry.rollback("wine", "Production")


def test_protected_version_and_its_run(registry: Registry) -> None:
    registry.set_policy("wine", "Production", Policy(is_protected=True))
    registry.transition("wine", 2, "Production")
    with pytest.raises(NotAllowed, match="protected"):
        registry.set_version_tag("wine", 2, "k", "v")
    with pytest.raises(NotAllowed, match="protected"):
        registry.delete_version("wine", 2)
    assert registry.protected_runs() == {"r2": ("wine", 2)}
    with pytest.raises(NotAllowed, match=r"run r2 .* version 2 of 'wine'"):
        registry.check_run_unprotected("r2")
    registry.check_run_unprotected("r1")


def test_facts_are_read_only_where_a_rule_asks(registry: Registry, facts: MadeUpFacts) -> None:
    registry.set_policy("wine", "Production", Policy(approvals=0, max_versions=5))
    looks = facts.looks
    registry.transition("wine", 1, "Production")
    assert facts.looks == looks
    assert isinstance(facts.look("r1", None, None), VersionFacts)


@pytest.mark.usefixtures("installed")
def test_refusal_by_a_custom_check_is_told_in_its_own_words(registry: Registry) -> None:
    registry.set_policy("wine", "Production", Policy(rules=(CheckRule(name="words"),)))
    with pytest.raises(GateRefused, match="check words: version 2 is biased"):
        registry.transition("wine", 2, "Production")
    told = registry.history("wine")[-1].summary
    assert told.endswith("(check words: version 2 is biased)")
