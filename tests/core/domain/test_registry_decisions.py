"""What may happen to a model is decided without a store: a state and a command in, events or a refusal out."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from stageline.domain import decisions, stage_decisions
from stageline.domain import registry_events as ev
from stageline.domain.gate import Measured
from stageline.domain.model import Actor, Deployment, ModelVersion, VersionFacts
from stageline.domain.policy import BetterRule, MetricRule, Policy, SignatureRule
from stageline.domain.registry_state import (
    KEPT_REQUESTS,
    ModelState,
    Phase,
    apply,
    fold,
    state_of,
)
from stageline.domain.stage_decisions import Deed, Move
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, NotFound

ANN, BOB = Deed(actor=Actor("ann"), time=1), Deed(actor=Actor("bob"), time=2)


def version(run_id: str | None = None, digest: str = "", **metrics: float) -> ModelVersion:
    return ModelVersion(
        name="?", version=99, creation_timestamp=1, last_updated_timestamp=1, run_id=run_id,
        source="s3://b/m", facts=VersionFacts(metrics=metrics, digest=digest),
    )  # fmt: skip


def after(state: ModelState, events: Any) -> ModelState:
    return fold(state, events, 10)


def model(versions: int = 0, **policies: Policy) -> ModelState:
    state = after(ModelState(name="wine"), decisions.decide_create(ModelState(name="wine")))
    for number in range(1, versions + 1):
        state = after(state, decisions.decide_register(state, version(f"r{number}", rmse=number)))
    for stage, policy in policies.items():
        state = after(state, decisions.decide_set_policy(state, stage, policy, actor=Actor("ann")))
    return state


def moved(state: ModelState, number: int, stage: str, deed: Deed = ANN, **how: Any) -> ModelState:
    move = Move(version=number, stage=stage, **how)
    return after(state, stage_decisions.decide_transition(state, move, deed))


def asked(state: ModelState, number: int, stage: str, deed: Deed = ANN, **how: Any) -> ModelState:
    move = Move(version=number, stage=stage, **how)
    return after(state, stage_decisions.decide_request(state, move, deed))


def stage(state: ModelState, number: int) -> str:
    return decisions.get_version(state, number).current_stage


# -- models ---------------------------------------------------------------------------------------


def test_model_is_created_once() -> None:
    with pytest.raises(AlreadyExists, match=r"Registered Model \(name=wine\) already exists"):
        decisions.decide_create(model())


def test_nothing_can_be_done_to_what_is_not_there() -> None:
    absent = ModelState(name="wine")
    for decide in (
        lambda: decisions.decide_describe(absent, "x"),
        lambda: decisions.decide_delete(absent),
        lambda: decisions.decide_set_alias(absent, "a", 1),
        lambda: decisions.decide_register(absent, version(), create=False),
        lambda: stage_decisions.decide_rollback(absent, "Production", ANN),
        lambda: stage_decisions.decide_approve(absent, 1, ANN),
    ):
        with pytest.raises(NotFound, match="Registered Model with name=wine not found"):
            decide()


def test_same_again_is_no_event() -> None:
    state = after(model(1), [ev.ModelDescribed(description="d"), ev.AliasSet(alias="a", version=1)])
    assert decisions.decide_describe(state, "d") == []
    assert decisions.decide_set_alias(state, "a", 1) == []
    assert decisions.decide_delete_alias(state, "b") == []
    assert decisions.decide_delete_tag(state, "k") == []
    assert stage_decisions.decide_transition(state, Move(version=1, stage="none"), ANN) == []


def test_deleted_model_says_so_and_its_numbers_are_not_used_again() -> None:
    gone = after(model(2), decisions.decide_delete(model(2)))
    assert gone.phase is Phase.DELETED
    with pytest.raises(NotFound, match="it was deleted"):
        decisions.check_active(gone)
    again = after(gone, decisions.decide_register(gone, version()))
    assert again.numbers() == [3]


def test_stages_in_use_can_not_go() -> None:
    state = moved(model(1), 1, "Staging")
    with pytest.raises(NotAllowed, match="holds version 1"):
        decisions.decide_set_stages(state, ("None", "Production"))
    with pytest.raises(NotAllowed, match="has a policy"):
        decisions.decide_set_stages(model(0, Staging=Policy(approvals=1)), ("None", "Production"))
    pending = asked(model(1), 1, "Staging")
    with pytest.raises(NotAllowed, match="request 1 asks"):
        decisions.decide_set_stages(pending, ("None", "Production"))


def test_own_stages() -> None:
    (created,) = decisions.decide_create(
        ModelState(name="w"), stages=("dev", "live", "retired"), archive_stage="Retired"
    )
    state = after(ModelState(name="w"), [created])
    state = after(state, decisions.decide_register(state, version("a")))
    state = after(state, decisions.decide_register(state, version("b")))
    assert stage(state, 1) == "dev"
    state = moved(moved(state, 1, "LIVE"), 2, "live", archive_existing=True)
    assert (stage(state, 1), stage(state, 2)) == ("retired", "live")


# -- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "new", "is_same"),
    [
        (("r", "d"), ("r", "d"), True),
        (("r", ""), ("r", ""), True),
        (("r", "d"), ("r", "e"), False),
        (("r", "d"), ("s", "d"), False),
        ((None, "d"), (None, "d"), True),
        ((None, ""), (None, ""), False),
    ],
)
def test_same_run_and_digest_is_the_same_version(
    known: tuple[str | None, str], new: tuple[str | None, str], is_same: bool
) -> None:
    state = after(model(), decisions.decide_register(model(), version(*known)))
    assert (decisions.decide_register(state, version(*new)) == []) is is_same


def test_number_of_a_deleted_version_is_not_used_again() -> None:
    state = model(2)
    state = after(state, decisions.decide_delete_version(state, 2, actor="ann", time=1))
    with pytest.raises(NotFound, match=r"version=2\) not found. It was deleted"):
        decisions.get_version(state, 2)
    assert after(state, decisions.decide_register(state, version())).numbers() == [1, 3]


def test_deleting_a_version_takes_its_aliases_and_requests() -> None:
    state = asked(after(model(1), [ev.AliasSet(alias="a", version=1)]), 1, "Production")
    state = after(state, decisions.decide_delete_version(state, 1, actor="ann", time=1))
    assert state.aliases == {}
    assert state.requests["1"].status is ev.RequestStatus.CANCELLED


def test_version_in_a_protected_stage_can_not_be_changed_or_deleted() -> None:
    state = moved(model(2, Production=Policy(is_protected=True)), 1, "Production")
    for decide in (
        lambda: decisions.decide_describe_version(state, 1, "x"),
        lambda: decisions.decide_set_version_tag(state, 1, "k", "v"),
        lambda: decisions.decide_delete_version(state, 1, actor="ann", time=1),
        lambda: decisions.decide_delete(state),
        lambda: decisions.decide_rename(state, "beer", "t"),
    ):
        with pytest.raises(NotAllowed, match="protected"):
            decide()
    assert decisions.decide_set_version_tag(state, 2, "k", "v")
    assert decisions.decide_set_deployment(state, 1, Deployment(target="eu", time=1, by="ann"))
    assert decisions.decide_set_alias(state, "champion", 1)


def test_target_runs_one_version() -> None:
    state = model(2)
    for number in (1, 2):
        deployment = Deployment(target="eu", time=number, by="ann")
        state = after(state, decisions.decide_set_deployment(state, number, deployment))
    assert not decisions.get_version(state, 1).deployments
    assert list(decisions.get_version(state, 2).deployments) == ["eu"]
    with pytest.raises(NotFound, match="not deployed to 'us'"):
        decisions.decide_delete_deployment(state, 2, "us")


# -- transitions ----------------------------------------------------------------------------------


def test_archiving_moves_all_who_hold_the_stage() -> None:
    state = moved(moved(model(3), 1, "Production"), 2, "Production")
    state = moved(state, 3, "Production", archive_existing=True)
    assert [stage(state, n) for n in (1, 2, 3)] == ["Archived", "Archived", "Production"]


def test_archiving_who_is_there_already_only_moves_the_others() -> None:
    state = moved(moved(model(2), 1, "Production"), 2, "Production")
    state = moved(state, 2, "Production", archive_existing=True)
    assert [stage(state, n) for n in (1, 2)] == ["Archived", "Production"]


@pytest.mark.parametrize("target", ["None", "Archived"])
def test_archiving_makes_no_sense_towards_none_and_archived(target: str) -> None:
    with pytest.raises(InvalidInput, match="expected one of Staging, Production"):
        moved(model(1), 1, target, archive_existing=True)


def test_expected_stage_is_compared_and_set() -> None:
    state = moved(model(1), 1, "staging", expected_stage="none")
    with pytest.raises(Conflict, match="is in Staging, not in None as expected"):
        moved(state, 1, "Production", expected_stage="None")


def test_transition_that_fails_the_gate_leaves_only_the_refused_request() -> None:
    state = model(1, Production=Policy(rules=(SignatureRule(),)))
    after_all = moved(state, 1, "Production")
    (request,) = after_all.requests.values()
    assert request.status is ev.RequestStatus.REFUSED
    assert request.decision is not None
    assert [row.rule for row in request.decision.failures] == ["signature"]
    assert after_all.versions == state.versions


def test_gate_is_judged_by_what_was_measured_and_else_by_what_was_registered() -> None:
    state = model(2, Production=Policy(rules=(MetricRule(condition="metrics.rmse < 1.5"),)))
    assert stage(moved(state, 1, "Production"), 1) == "Production"
    assert stage(moved(state, 2, "Production"), 2) == "None"
    better = Measured(versions={2: VersionFacts(metrics={"rmse": 0.1})})
    events = stage_decisions.decide_transition(
        state, Move(version=2, stage="Production"), ANN, better
    )
    assert stage(after(state, events), 2) == "Production"
    assert isinstance(events[0], ev.StageChanged)
    assert events[0].decision is not None, "why it was let in is recorded too"


def test_stage_that_is_full_takes_a_version_if_another_makes_room() -> None:
    state = moved(model(2, Production=Policy(max_versions=1)), 1, "Production")
    assert stage(moved(state, 2, "Production"), 2) == "None"
    assert stage(moved(state, 2, "Production", archive_existing=True), 2) == "Production"


def test_version_is_compared_with_the_one_that_it_replaces() -> None:
    rule = BetterRule(metric="rmse", direction="min")
    state = moved(model(2, Production=Policy(rules=(rule,))), 1, "Production")
    assert stage(moved(state, 2, "Production", archive_existing=True), 2) == "None"


# -- requests -------------------------------------------------------------------------------------


def test_last_approval_moves_the_version_in_the_same_events() -> None:
    state = asked(model(1, Production=Policy(approvals=2)), 1, "production")
    first = stage_decisions.decide_approve(state, 1, BOB)
    assert [type(event) for event in first] == [ev.RequestApproved]
    state = after(state, first)
    assert stage_decisions.decide_approve(state, 1, BOB) == [], "the same person counts once"
    last = stage_decisions.decide_approve(state, 1, Deed(actor=Actor("eve"), time=3))
    assert [type(event) for event in last] == [
        ev.RequestApproved, ev.StageChanged, ev.RequestClosed,
    ]  # fmt: skip
    state = after(state, last)
    assert stage(state, 1) == "Production"
    request = state.requests["1"]
    assert request.status is ev.RequestStatus.APPROVED
    assert [approval.by for approval in request.approvals] == ["bob", "eve"]
    with pytest.raises(Conflict, match="is approved already"):
        stage_decisions.decide_approve(state, 1, BOB)


def test_nobody_approves_their_own_request() -> None:
    state = asked(model(1), 1, "Production")
    with pytest.raises(NotAllowed, match="somebody else must approve"):
        stage_decisions.decide_approve(state, 1, ANN)


def test_only_approvers_approve_and_reject() -> None:
    state = asked(model(1, Production=Policy(approvals=1, approvers=("eve",))), 1, "Production")
    for decide in (stage_decisions.decide_approve, stage_decisions.decide_reject):
        with pytest.raises(NotAllowed, match="eve may"):
            decide(state, 1, BOB)


def test_request_that_no_approval_could_help_is_refused_at_once() -> None:
    state = asked(model(1, Production=Policy(rules=(SignatureRule(),))), 1, "Production")
    assert state.requests["1"].status is ev.RequestStatus.REFUSED


def test_rules_are_judged_again_at_the_last_approval() -> None:
    state = asked(model(1), 1, "Production")
    policy = Policy(rules=(SignatureRule(),))
    state = after(state, decisions.decide_set_policy(state, "Production", policy, actor=Actor("x")))
    state = after(state, stage_decisions.decide_approve(state, 1, BOB))
    assert state.requests["1"].status is ev.RequestStatus.REFUSED
    assert stage(state, 1) == "None"


def test_asking_twice_is_one_request_and_asking_after_another_is_refused() -> None:
    state = asked(model(1), 1, "Production")
    move = Move(version=1, stage="Production")
    assert stage_decisions.decide_request(state, move, ANN) == []
    with pytest.raises(AlreadyExists, match="request 1 of 'ann'"):
        stage_decisions.decide_request(state, move, BOB)


def test_transition_without_it_closes_a_request() -> None:
    state = moved(asked(model(1), 1, "Production"), 1, "Production")
    assert state.requests["1"].status is ev.RequestStatus.CANCELLED


def test_who_asked_cancels() -> None:
    state = asked(model(1), 1, "Production")
    with pytest.raises(NotAllowed, match="'ann''s to cancel"):
        stage_decisions.decide_cancel(state, 1, BOB)
    state = after(state, stage_decisions.decide_cancel(state, 1, ANN, comment="no"))
    assert state.requests["1"].closing_comment == "no"


def test_protected_stage_is_not_emptied_by_a_friendly_approval() -> None:
    policy = Policy(is_protected=True, may_transition=("lead",))
    state = model(1, Production=policy)
    lead = Deed(actor=Actor("lead"), time=1)
    state = asked(moved(state, 1, "Production", lead), 1, "Archived")
    with pytest.raises(NotAllowed, match="only lead may approve"):
        stage_decisions.decide_approve(state, 1, BOB)
    state = after(state, stage_decisions.decide_approve(state, 1, lead))
    assert stage(state, 1) == "Archived"


def test_old_closed_requests_leave_the_state() -> None:
    state = model(1)
    for _ in range(KEPT_REQUESTS + 5):
        state = asked(state, 1, "Production")
        number = state.next_request - 1
        state = after(state, stage_decisions.decide_cancel(state, number, ANN))
    assert len(state.requests) == KEPT_REQUESTS
    assert state.next_request == KEPT_REQUESTS + 6


# -- policies -------------------------------------------------------------------------------------


def test_owner_changes_the_policy() -> None:
    state = model(0, Production=Policy(approvals=1, owners=("ann",)))
    with pytest.raises(NotAllowed, match="its owners are ann"):
        decisions.decide_set_policy(state, "Production", None, actor=Actor("bob"))
    assert decisions.decide_set_policy(state, "Production", None, actor=Actor("ann"))


def test_metric_that_no_run_has_is_refused_with_the_nearest() -> None:
    policy = Policy(rules=(MetricRule(condition="metrics.rsme < 1"),))
    with pytest.raises(InvalidInput, match="Did you mean 'rmse'"):
        decisions.check_metrics_known(model(1), policy, {"rmse", "mae"})


def test_metric_of_a_model_without_versions_is_taken_as_it_is_spelt() -> None:
    policy = Policy(rules=(MetricRule(condition="metrics.rsme < 1"),))
    decisions.check_metrics_known(model(0), policy, set())


# -- rollback -------------------------------------------------------------------------------------


def rolled_back(state: ModelState, deed: Deed = ANN) -> ModelState:
    return after(state, stage_decisions.decide_rollback(state, "production", deed))


def test_rollback_goes_back_one_holder_at_a_time() -> None:
    state = model(3)
    for number in (1, 2, 3):
        state = moved(state, number, "Production", archive_existing=True)
    state = rolled_back(state)
    assert [stage(state, n) for n in (1, 2, 3)] == ["Archived", "Production", "Archived"]
    state = rolled_back(state)
    assert [stage(state, n) for n in (1, 2, 3)] == ["Production", "Archived", "Archived"]
    with pytest.raises(NotFound, match="before version 1"):
        rolled_back(state)


def test_rollback_of_several_holders_takes_out_the_last() -> None:
    state = moved(moved(model(2), 1, "Production"), 2, "Production")
    state = rolled_back(state)
    assert [stage(state, n) for n in (1, 2)] == ["Production", "Archived"]


def test_rollback_skips_who_was_deleted() -> None:
    state = model(3)
    for number in (1, 2, 3):
        state = moved(state, number, "Production", archive_existing=True)
    state = after(state, decisions.decide_delete_version(state, 2, actor="ann", time=1))
    assert stage(rolled_back(state), 1) == "Production"


def test_rollback_asks_no_rules_but_who_may() -> None:
    state = model(2)
    for number in (1, 2):
        state = moved(state, number, "Production", archive_existing=True)
    policy = Policy(rules=(SignatureRule(),), approvals=2, may_transition=("ann",))
    state = after(state, decisions.decide_set_policy(state, "Production", policy, actor=Actor("x")))
    with pytest.raises(NotAllowed, match="ann may"):
        rolled_back(state, BOB)
    assert stage(rolled_back(state), 1) == "Production"


def test_empty_stage_has_nothing_to_roll_back() -> None:
    with pytest.raises(NotFound, match="nothing to roll back"):
        rolled_back(model(1))


# -- state and events as documents ----------------------------------------------------------------


def test_state_survives_json() -> None:
    policy = Policy(rules=(BetterRule(metric="rmse", direction="min"),), approvals=1)
    state = asked(moved(model(2, Production=policy), 2, "Staging"), 1, "Production")
    again = state_of(json.loads(msgspec.json.encode(state)), "it")
    assert again == state


def test_every_event_survives_json_and_is_told_apart() -> None:
    state = model(1)
    events: list[ev.KnownEvent] = [
        *decisions.decide_register(state, version("r9")),
        ev.PolicySet(stage="Production", policy=Policy(rules=(SignatureRule(),))),
        *stage_decisions.decide_transition(state, Move(version=1, stage="Staging"), ANN),
        *stage_decisions.decide_request(state, Move(version=1, stage="Staging"), ANN),
        *stage_decisions.decide_approve(asked(state, 1, "Staging"), 1, BOB),
    ]
    for event in events:
        assert ev.decode_event(json.loads(msgspec.json.encode(event))) == event


def test_event_of_a_later_version_is_kept_as_unknown() -> None:
    raw = {"event": "model_sung_about", "tune": "x"}
    assert ev.decode_event(raw) == ev.Unknown(raw)
    assert apply(model(), ev.Unknown(raw), 1) == model()
