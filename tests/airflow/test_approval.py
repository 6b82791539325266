"""Approvals that people give in Airflow: what they are shown, and what the registry makes of their answer."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.sdk import DAG as Dag
from answering import answered
from models import registered, stages

from airflow_provider_stageline.operators.approval import ApproveTransitionOperator
from stageline.registry import MetricRule, Policy

DAG = """
from airflow.sdk import dag, task
from airflow_provider_stageline.operators.approval import ApproveTransitionOperator

@dag
def pipeline():
    @task
    def after(): ...

    ApproveTransitionOperator(
        task_id="approve", model="line", version="latest", stage="Production", archive_existing=True,
        comment="the nightly one"
    ) >> after()

pipeline()
"""
WITHIN_S = 180


def last_request(workspace):
    return workspace.registry.requests("line", status=None)[-1][1]


def test_a_yes_moves_the_version_in_the_name_of_who_said_it(dag_runs, workspace):
    registered(workspace, 2.5, 2.1)
    workspace.registry.transition("line", 1, "Production")
    rule = MetricRule(condition="metrics.error < 0.5")
    workspace.registry.set_policy("line", "Production", Policy(rules=(rule,), approvals=1))

    found = dag_runs.do(DAG, answered(("ann", "Approve", "looks right")), within_s=WITHIN_S)

    assert found["tasks"] == {"approve": "success", "after": "success"}, dag_runs.log
    (asked,) = found["asked"]
    assert "| `metrics.error` | `0.1` | `< 0.5` | passes |" in asked
    assert "| `error` | 0.1 | 0.5 |" in asked
    assert "the nightly one" in asked
    assert stages(workspace) == {1: "Archived", 2: "Production"}
    request = last_request(workspace)
    assert (request.requested_by, str(request.status)) == ("airflow:pipeline", "approved")
    assert [(one.by, one.comment) for one in request.approvals] == [("ann", "looks right")]
    *_, entry = workspace.registry.history("line")
    assert entry.actor == "ann"
    assert "/tasks/approve" in entry.link


def test_a_no_closes_the_request_and_skips_what_is_downstream(dag_runs, workspace):
    registered(workspace, 2.5)

    found = dag_runs.do(DAG, answered(("bob", "Reject", "not yet")), within_s=WITHIN_S)

    assert found["tasks"] == {"approve": "success", "after": "skipped"}, dag_runs.log
    request = last_request(workspace)
    assert (str(request.status), request.closed_by, request.closing_comment) == (
        "rejected",
        "bob",
        "not yet",
    )
    assert stages(workspace) == {1: "None"}


def test_it_is_asked_again_until_the_policy_has_its_people(dag_runs, workspace):
    registered(workspace, 2.5)
    policy = Policy(approvals=2, approvers=("ann", "bob"))
    workspace.registry.set_policy("line", "Production", policy)

    found = dag_runs.do(
        DAG,
        answered(("eve", "Approve", ""), ("ann", "Approve", ""), ("bob", "Approve", "")),
        within_s=WITHIN_S,
    )

    assert found["tasks"] == {"approve": "success", "after": "success"}, dag_runs.log
    assert "'eve' may not decide request 1" in dag_runs.log
    assert [one.by for one in last_request(workspace).approvals] == ["ann", "bob"]
    assert stages(workspace) == {1: "Production"}


def test_silence_is_no_approval():
    with pytest.raises(ValueError, match="because nobody answered"):
        ApproveTransitionOperator(
            task_id="approve", model="line", version=1, stage="Production", defaults="Approve"
        )


def test_a_request_that_nobody_answered_in_time_is_withdrawn(workspace, monkeypatch):
    told = {"conn_type": "stageline", "host": str(workspace.store.url)}
    monkeypatch.setenv("AIRFLOW_CONN_STAGELINE_DEFAULT", json.dumps(told))
    registered(workspace, 2.5)
    with Dag("pipeline"):
        operator = ApproveTransitionOperator(
            task_id="approve", model="line", version=1, stage="Production", actor="ann"
        )
    request = workspace.registry.request_transition("line", 1, "Production", actor="ann")
    page = SimpleNamespace(
        xcom_pull=lambda **asked: request.number, map_index=-1, log_url="http://localhost/page"
    )

    with pytest.raises(HITLTimeoutError):
        operator.execute_complete({"ti": page}, {"error": "late", "error_type": "timeout"})

    closed = last_request(workspace)
    assert (str(closed.status), closed.closing_comment) == ("cancelled", "nobody answered in time")


def test_what_no_approval_could_let_in_is_not_asked_for(dag_runs, workspace):
    registered(workspace, 3.0)
    rule = MetricRule(condition="metrics.error < 0.5")
    workspace.registry.set_policy("line", "Production", Policy(rules=(rule,), approvals=1))

    found = dag_runs.run(DAG)

    assert found["tasks"] == {"approve": "failed", "after": "upstream_failed"}
    assert str(last_request(workspace).status) == "refused"
