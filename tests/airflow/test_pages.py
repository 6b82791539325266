"""The pages in Airflow's own application: who gets in, what each may do, and which run a tab shows."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from models import registered, stages
from page_visits import visited
from recorded import runs_of

from stageline.registry import Policy

WITHIN_S = 180
DAGS = """
from airflow.sdk import dag, task

@dag
def pipeline():
    @task.stageline
    def train(alpha: float) -> dict[str, float]:
        return {"rmse": alpha}

    @task
    def plain(): ...

    train.expand(alpha=[0.25, 0.75])
    plain()

@dag
def other():
    @task.stageline
    def load(): ...

    load()

pipeline()
other()
"""


def visit(path: str, user: str = "", role: str = "", **more: Any) -> dict[str, Any]:
    return {"user": user, "role": role, "path": path, **more}


def task_tab(task: str, index: int | str = -1, dag: str = "pipeline") -> str:
    return (
        f"/stageline/task-instance?dag_id={dag}&run_id={{{dag}}}&task_id={task}&map_index={index}"
    )


def test_nobody_sees_anything_without_airflows_sign_in(dag_runs):
    paths = ["/", "/models", "/runs/abc", "/static/x/base.css", "/task-instance?dag_id=a"]
    found = dag_runs.do(
        DAGS,
        visited(
            *(visit(f"/stageline{path}") for path in paths),
            visit("/stageline/models", headers={"authorization": "Bearer nonsense"}),
            visit("/stageline/models?q=a", headers={"sec-fetch-dest": "document"}),
        ),
        within_s=WITHIN_S,
    )
    *refused, nonsense, browser = found["seen"]
    for one in (*refused, nonsense):
        assert (one["status"], one["text"]) == (
            401,
            "Sign in to Airflow, then load this page again.",
        )
    assert browser["status"] == 303
    assert browser["headers"]["location"] == (
        "/api/v2/auth/login?next=%2Fstageline%2Fmodels%3Fq%3Da"
    )


def test_a_viewer_reads_and_may_not_approve_and_an_admin_approves_by_name(dag_runs, workspace):
    registered(workspace, 2.5, 2.1)
    workspace.registry.transition("line", 1, "Production")
    workspace.registry.set_policy("line", "Production", Policy(approvals=1))
    workspace.registry.request_transition("line", 2, "Production", archive_existing=True)
    answer = {
        "form": {"do": "approve", "comment": "good"},
        "action": "/stageline/models/line/requests/1/answer",
    }
    script = visited(
        visit("/stageline/models/line", "vera", "viewer"),
        visit("/stageline/requests", "vera", "viewer"),
        visit("/stageline/requests", "vera", "viewer", **answer),
        visit("/stageline/models/line", "uma", "user", **answer),
        visit("/stageline/requests", "ada", "admin", **{**answer, "action": "", "button": "Approve: promote v2"}),
    )  # fmt: skip
    read, inbox, refused, user, approved = dag_runs.do(DAGS, script, within_s=WITHIN_S)["seen"]

    assert (read["status"], inbox["status"]) == (200, 200), dag_runs.log[-4000:]
    assert "Approve: promote v2" not in inbox["text"]
    assert (refused["status"], user["status"]) == (403, 403)
    assert "vera has no right to promote model line" in refused["text"]
    assert approved["status"] == 303, approved
    assert stages(workspace) == {1: "Archived", 2: "Production"}
    (request,) = [one for _, one in workspace.registry.requests("line", status=None)]
    assert [(one.by, one.comment) for one in request.approvals] == [("ada", "good")]


def test_a_form_needs_a_page_of_ours_even_of_an_admin(dag_runs, workspace):
    registered(workspace, 2.5)
    move = {"form": {"csrf": "made up", "stage": "Production"}, "action": "/stageline/models/line/tags"}  # fmt: skip
    (found,) = dag_runs.do(
        DAGS, visited(visit("/stageline/models/line", "ada", "admin", **move)), within_s=WITHIN_S
    )["seen"]
    assert found["status"] == 403
    assert "this form does not come from a page of yours" in found["text"]


def test_the_tab_of_a_task_shows_the_run_of_exactly_that_task_instance(dag_runs, workspace):
    script = visited(
        visit(task_tab("train", 1), "vera", "viewer"),
        visit(task_tab("plain"), "vera", "viewer"),
        visit(task_tab("train", "{{MAP_INDEX}}"), "vera", "viewer"),
        visit("/stageline/task-instance?dag_id=pipeline", "vera", "viewer"),
        dag_ids=["pipeline"],
    )
    second, untracked, unmapped, incomplete = dag_runs.do(DAGS, script, within_s=WITHIN_S)["seen"]

    _, run = runs_of(workspace, "train")
    assert second["status"] == 200
    assert second["url"] == f"http://localhost/stageline/runs/{run.info.run_id}"
    assert "0.75" in second["text"]
    assert "frame-ancestors 'self'" in second["headers"]["content-security-policy"]
    assert (untracked["status"], unmapped["status"]) == (404, 404)
    assert "Nothing is recorded of this instance of plain" in untracked["text"]
    assert incomplete["status"] == 400
    assert "should name run_id, task_id" in incomplete["text"]


def test_the_tab_of_a_dag_run_draws_its_lineage(dag_runs):
    script = visited(
        visit("/stageline/dag-run?dag_id=pipeline&run_id={pipeline}", "vera", "viewer"),
        visit("/stageline/dag-run?dag_id=pipeline&run_id=never", "vera", "viewer"),
        dag_ids=["pipeline"],
    )
    drawn, never = dag_runs.do(DAGS, script, within_s=WITHIN_S)["seen"]
    assert drawn["status"] == 200
    assert "<svg" in drawn["text"]
    assert "train [0]" in drawn["text"]
    assert never["status"] == 404
    assert "Nothing is recorded of this run of pipeline" in never["text"]


def test_whoever_may_read_some_dags_sees_the_runs_of_these(dag_runs):
    script = visited(
        visit(task_tab("train", 0), "eve", "viewer"),
        visit(task_tab("load", dag="other"), "eve", "viewer"),
        visit(task_tab("nothing", dag="other"), "eve", "viewer"),
        visit("/stageline/dag-run?dag_id=pipeline&run_id={pipeline}", "eve", "viewer"),
        visit("/stageline/models", "eve", "viewer"),
        visit(task_tab("load", dag="other"), "vera", "viewer"),
        dag_ids=["pipeline", "other"],
    )
    own, others, unknown, lineage, models, viewer = dag_runs.do(
        DAGS, script, within_s=WITHIN_S, AIRFLOW__CORE__AUTH_MANAGER="dag_readers.DagReaders"
    )["seen"]
    assert own["status"] == 200
    assert "0.25" in own["text"]
    assert (others["status"], unknown["status"], lineage["status"]) == (403, 403, 403)
    assert "eve has no right to read the runs of the DAG other" in unknown["text"]
    assert models["status"] == 200
    assert viewer["status"] == 200


def test_a_connection_that_is_not_there_is_told_to_who_is_signed_in(dag_runs):
    script = visited(visit("/stageline/models"), visit("/stageline/models", "vera", "viewer"))
    stranger, told = dag_runs.do(
        DAGS, script, within_s=WITHIN_S, AIRFLOW__STAGELINE__CONN_ID="elsewhere"
    )["seen"]
    assert stranger["status"] == 401
    assert told["status"] == 503
    assert "there is no connection 'elsewhere'" in told["text"]


KEPT = """
from airflow.models import Connection
from airflow.utils.session import create_session

with create_session() as session:
    session.add(Connection(conn_id="kept", conn_type="stageline", host={store!r}))
"""


def test_the_connection_may_be_one_that_airflow_keeps_in_its_database(dag_runs, workspace):
    registered(workspace, 2.5)
    script = KEPT.format(store=workspace.store.url) + visited(
        visit("/stageline/models", "vera", "viewer")
    )
    (found,) = dag_runs.do(
        DAGS, script, within_s=WITHIN_S, AIRFLOW__STAGELINE__CONN_ID="kept",
        AIRFLOW_CONN_STAGELINE_DEFAULT="", _AIRFLOW_PROCESS_CONTEXT="server",  # as in the API server
    )["seen"]  # fmt: skip
    assert found["status"] == 200, found["text"]
    assert 'href="/stageline/models/line"' in found["text"]


WEIGHT = """
import sys, time
import airflow.plugins_manager, airflow.sdk, airflow.listeners
import airflow.providers.common.compat.sdk
known = set(sys.modules)
began = time.perf_counter()
from airflow_provider_stageline.plugin import StagelinePlugin
took_ms = (time.perf_counter() - began) * 1000
new = set(sys.modules) - known
assert StagelinePlugin.fastapi_apps and len(StagelinePlugin.external_views) == 3
print(sorted(name for name in {heavy!r} if name in new), round(took_ms))
"""
HEAVY = ("fastapi", "starlette", "jinja2", "nh3", "numpy", "stageline.ui", "stageline.workspace")


def test_the_plugin_loads_nothing_that_pages_are_made_by():
    done = subprocess.run(
        [sys.executable, "-c", WEIGHT.format(heavy=HEAVY)],
        capture_output=True, text=True, timeout=WITHIN_S, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1].startswith("[] "), done.stdout


def test_an_airflow_that_is_told_so_shows_no_pages():
    script = (
        "from airflow_provider_stageline.plugin import StagelinePlugin as P; "
        "print(P.fastapi_apps, P.external_views)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "AIRFLOW__STAGELINE__PAGES": "False"},
        capture_output=True, text=True, timeout=WITHIN_S, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[] []"
