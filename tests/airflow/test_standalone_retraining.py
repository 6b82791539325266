"""The example's DAGs on a real Airflow: retrained, approved by a person, deployed because of the promotion."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from browser import open_browser
from rest import DagRun, Rest
from standalone import APPROVER, Standalone
from standalone_fixtures import MODEL, RETRAINING

from stageline.domain.run import RunStatus
from stageline.registry.history_entry import HistoryEntry

pytestmark = pytest.mark.slow

DEPLOYMENT = "diabetes_deployment"
PARKED_FOR_S = 5.0


class Approved(NamedTuple):
    """A retraining that a person has said yes to."""

    dag_run: DagRun
    shown: str
    """The text of the page on which the person is asked."""
    history: list[HistoryEntry]
    """Of the model, when the DAG run had ended."""


@pytest.fixture(scope="module")
def approved(begun, standalone: Standalone, approver: Rest, standalone_store) -> Approved:
    dag_run: DagRun = begun[RETRAINING]
    asked = dag_run.parked("approve")
    shown = page_of_required_actions(standalone, approver, asked["subject"])
    dag_run.answer("approve", "Approve", by=approver, after_s=PARKED_FOR_S, comment="looks right")
    dag_run.succeeded()
    return Approved(dag_run, shown, standalone_store.registry.history(MODEL))


def page_of_required_actions(standalone: Standalone, person: Rest, subject: str) -> str:
    """What a person sees who opens the page and clicks on what is asked."""
    with open_browser() as browser:
        browser.add_cookies([{"name": "_token", "value": person.token, "url": standalone.url}])
        page = browser.new_page()
        page.goto(f"{standalone.url}/required_actions?response_received=false")
        page.get_by_role("link", name=subject).first.click()
        page.get_by_text("metrics.eval_rmse").first.wait_for()
        return page.locator("body").inner_text()


def test_every_task_of_the_retraining_did_its_part(approved: Approved, standalone_store):
    tasks = approved.dag_run.tasks()

    assert set(tasks.values()) == {"success"}, tasks
    assert {f"train[{index}]" for index in range(3)} <= tasks.keys()
    (version,) = standalone_store.registry.versions(MODEL)
    run = standalone_store.runs.get(version.run_id)
    assert version.current_stage == "Production"
    assert run.info.status is RunStatus.FINISHED
    assert run.data.tags["airflow.run_id"] == approved.dag_run.run_id


def test_the_page_of_required_actions_shows_the_gates_rules_and_what_was_measured(
    approved: Approved, standalone_store
):
    (version,) = standalone_store.registry.versions(MODEL)
    measured = standalone_store.runs.get(version.run_id).data.metrics["eval_rmse"]

    assert "< 70" in approved.shown
    assert "passes" in approved.shown
    assert f"{measured:.4g}"[:4] in approved.shown


def test_the_registry_names_the_person_who_said_yes(approved: Approved):
    (moved,) = [entry for entry in approved.history if entry.actor == APPROVER]
    (request,) = moved.state.requests.values()

    assert "Production" in moved.summary
    assert f"/dags/{RETRAINING}/runs/" in moved.link
    assert [(one.by, one.comment) for one in request.approvals] == [(APPROVER, "looks right")]


def test_the_promotion_starts_the_deployment(approved: Approved, admin: Rest, standalone_store):
    started = admin.until(lambda: admin.dag_runs(DEPLOYMENT), "the deployment starts", DEPLOYMENT)[
        0
    ]
    started.succeeded()

    assert started.about()["run_type"] == "asset_triggered"
    assert started.tasks()["deploy[0]"] == "success"
    (version,) = standalone_store.registry.versions(MODEL)
    assert "serving" in version.deployments


def test_a_promotion_by_anyone_anywhere_starts_the_deployment_once(
    approved: Approved, admin: Rest, standalone_store
):
    registry = standalone_store.registry
    admin.until(lambda: admin.dag_runs(DEPLOYMENT), "the deployment starts", DEPLOYMENT)
    before = len(admin.dag_runs(DEPLOYMENT))
    (version,) = registry.versions(MODEL)
    registry.transition(MODEL, version.version, "Staging", actor="ann")
    request = registry.request_transition(MODEL, version.version, "Production", actor="ann")
    registry.approve(MODEL, request.number, actor=APPROVER)

    started = admin.until(
        lambda: admin.dag_runs(DEPLOYMENT)[before:], "the deployment starts again", DEPLOYMENT
    )
    started[0].succeeded()
    assert len(started) == 1
