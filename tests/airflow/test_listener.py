"""The listener: every task of every operator, with no change to the DAG; and links to what was recorded."""

from __future__ import annotations

import json
from types import SimpleNamespace

from recorded import HEAD, attempts, parent_of, run_of, runs_of

from airflow_provider_stageline import dag_run_ends
from airflow_provider_stageline.identity import task_identity
from airflow_provider_stageline.listener import StagelineListener

ANY = """
from datetime import timedelta
from airflow.sdk import dag, task
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator

@dag(default_args={"retry_delay": timedelta(0)})
def pipeline():
    @task
    def plain(alpha, token="hunter22"):
        return {"rmse": alpha}

    bash = BashOperator(task_id="bash", bash_command="test -n \\"$STAGELINE_RUN_ID\\" && echo $STAGELINE_RUN_ID")
    fails = BashOperator(task_id="fails", bash_command="exit 3", retries=1)
    skips = BashOperator(task_id="skips", bash_command="exit 99")
    plain(0.5), bash, fails, skips

pipeline()
"""


def test_every_task_of_any_operator_is_tracked_when_asked_for(dag_runs, workspace):
    answer = dag_runs.run(ANY, AIRFLOW__STAGELINE__TRACK_ALL="True")
    assert answer["tasks"] == {
        "plain": "success", "bash": "success", "fails": "failed", "skips": "skipped",
    }  # fmt: skip
    plain, bash, fails, skips = (
        run_of(workspace, name) for name in ("plain", "bash", "fails", "skips")
    )
    assert plain.data.params == {"alpha": "0.5", "token": "***"}
    assert plain.data.metrics == {"rmse": 0.5}
    assert (str(bash.info.status), bash.data.params) == ("FINISHED", {})
    assert bash.data.tags["airflow.operator"] == "BashOperator"
    assert attempts(fails) == [(1, "FAILED"), (2, "FAILED")]
    assert "exit code 3" in (fails.info.reason or "")
    assert skips.data.tags["stageline.skipped"]
    assert {run.data.tags["mlflow.parentRunId"] for run in (plain, bash, fails, skips)} == {
        parent_of(workspace).info.run_id
    }
    assert str(parent_of(workspace).info.status) == "FAILED"
    assert bash.attempts[0].links["airflow"]


def test_nothing_is_tracked_unless_asked_for(dag_runs, workspace):
    dag_runs.run(ANY)
    assert not runs_of(workspace)


def test_a_function_that_is_tracked_already_is_one_run(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
@dag
def pipeline():
    @task
    @tracked_task(tracking=Tracking(run_name="its own"))
    def stacked():
        return {"rmse": 1}

    @task.stageline
    def provided():
        return {"rmse": 2}

    stacked(), provided()

pipeline()
""",
        AIRFLOW__STAGELINE__TRACK_ALL="True",
    )
    assert answer["state"] == "success", dag_runs.log
    assert run_of(workspace, "stacked").info.run_name == "its own"
    assert run_of(workspace, "provided").data.metrics == {"rmse": 2.0}


def test_a_retry_policy_that_gives_up_ends_the_run(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

@dag
def pipeline():
    policy = ExceptionRetryPolicy(rules=[RetryRule(exception="builtins.ValueError", action=RetryAction.FAIL)])

    @task.stageline(retries=5, retry_policy=policy)
    def train():
        raise ValueError("hopeless")

    train()

pipeline()
"""
    )
    assert answer["state"] == "failed", dag_runs.log
    run = run_of(workspace, "train")
    assert (attempts(run), str(run.info.status)) == ([(1, "FAILED")], "FAILED")


def test_the_task_page_links_to_the_run(dag_runs, workspace):
    connection = {
        "conn_type": "stageline",
        "host": workspace.store.url,
        "extra": {"ui_url": "https://ml.example/ui/", "experiment": "wine"},
    }
    script = """
run("pipeline")
from airflow import settings
from airflow.models.xcom import XComModel
from sqlalchemy import select
found = settings.Session().scalars(select(XComModel).where(XComModel.key == "_link_RunLink")).all()
answer = [XComModel.deserialize_value(one) for one in found]
"""
    links = dag_runs.do(
        HEAD
        + """
@dag
def pipeline():
    @task.stageline
    def train():
        pass

    train()

pipeline()
""",
        script,
        AIRFLOW_CONN_STAGELINE_DEFAULT=json.dumps(connection),
    )
    run = run_of(workspace, "train")
    assert [json.loads(link) if link.startswith('"') else link for link in links] == [
        f"https://ml.example/ui/runs/{run.info.run_id}"
    ]
    assert workspace.experiments.find_by_name("wine").experiment_id == run.info.experiment_id
    assert parent_of(workspace).info.experiment_id == run.info.experiment_id


def test_a_task_whose_process_is_lost_is_ended_by_the_schedulers_word(workspace, monkeypatch):
    connection = {"conn_type": "stageline", "host": workspace.store.url}
    monkeypatch.setenv("AIRFLOW_CONN_STAGELINE_DEFAULT", json.dumps(connection))
    row = SimpleNamespace(
        dag_id="pipeline", run_id="manual", task_id="train", map_index=-1, try_number=1, log_url=""
    )
    run_id = task_identity({"ti": row}).run_id
    workspace.runs.join(run_id).leave(waits=True)

    StagelineListener().on_task_instance_failed(None, row, "heartbeat timeout")
    dag_run_ends._thread().submit(lambda: None).result(30)

    run = workspace.runs.get(run_id)
    assert (str(run.info.status), run.info.reason) == ("KILLED", "Airflow: heartbeat timeout")


def test_a_later_try_is_not_ended_by_late_word_of_an_earlier_one(workspace, monkeypatch):
    connection = {"conn_type": "stageline", "host": workspace.store.url}
    monkeypatch.setenv("AIRFLOW_CONN_STAGELINE_DEFAULT", json.dumps(connection))
    row = SimpleNamespace(
        dag_id="pipeline", run_id="manual", task_id="train", map_index=-1, try_number=1, log_url=""
    )
    run_id = task_identity({"ti": row}).run_id
    from stageline.domain.run import Attempt, RunStatus

    open_run = workspace.runs.join(run_id, attempt=2)
    open_run.note_attempt(Attempt(number=2, status=RunStatus.RUNNING, start_time=1))

    StagelineListener().on_task_instance_failed(None, row, "heartbeat timeout")
    dag_run_ends._thread().submit(lambda: None).result(30)

    assert str(workspace.runs.get(run_id).info.status) == "RUNNING"
    open_run.end()
