"""Which run is which: over retries, clears, dead workers, deferral, rescheduling."""

from __future__ import annotations

import pytest
from recorded import HEAD, attempts, parent_of, run_of, runs_of

CLEARED = (
    HEAD
    + """
@dag
def pipeline():
    @task.stageline
    def same(alpha):
        return {"rmse": alpha}

    @task.stageline
    def changed(alpha):
        return {"rmse": alpha * FACTOR}

    same(0.5), changed(0.5)

pipeline()
"""
)
CLEAR_BOTH = f"""
first = run("pipeline")
for factor in (2, 2, 3):
    rewrite({CLEARED!r}.replace("FACTOR", str(factor)))
    answer = go_on("pipeline", first["run_id"], clear=("same", "changed"))
"""
# Airflow before 3.3 has none.
NO_STATE_STORE = """
from airflow_provider_stageline import generations
plain = generations.generation_of
def without(context, *rest):
    return plain({name: context[name] for name in context if name != "task_state_store"}, *rest)
from airflow_provider_stageline import calls
calls.generation_of = without
"""


@pytest.mark.parametrize("before", ["", NO_STATE_STORE], ids=["state_store", "no_state_store"])
def test_a_cleared_task_resumes_its_run_unless_its_code_has_changed(dag_runs, workspace, before):
    answer = dag_runs.do(CLEARED.replace("FACTOR", "1"), before + CLEAR_BOTH)

    assert answer["state"] == "success", dag_runs.log
    same = run_of(workspace, "same")
    assert attempts(same) == [(number, "FINISHED") for number in (1, 2, 3, 4)]
    first, second, third = runs_of(workspace, "changed")
    assert [attempts(run) for run in (first, second, third)] == [
        [(1, "FINISHED")],
        [(2, "FINISHED"), (3, "FINISHED")],
        [(4, "FINISHED")],
    ]
    assert "stageline.supersedes" not in first.data.tags
    assert second.data.tags["stageline.supersedes"] == first.info.run_id
    assert third.data.tags["stageline.supersedes"] == second.info.run_id
    assert [run.data.metrics["rmse"] for run in (first, second, third)] == [0.5, 1.0, 1.5]
    assert attempts(parent_of(workspace)) == [(number, "FINISHED") for number in (1, 2, 3, 4)]


def test_an_index_that_holds_another_item_after_a_clear_is_another_run(dag_runs, workspace):
    dags = (
        HEAD
        + """
@dag
def pipeline():
    @task.stageline(run_name="{alpha}")
    def train(alpha):
        return {"rmse": alpha}

    train.expand(alpha=ITEMS)

pipeline()
"""
    )
    script = f"""
first = run("pipeline")
rewrite({dags!r}.replace("ITEMS", "[0.2, 0.5]"))
answer = go_on("pipeline", first["run_id"], clear=("train",))
"""
    assert dag_runs.do(dags.replace("ITEMS", "[0.1, 0.5]"), script)["state"] == "success"
    found = {run.info.run_name: attempts(run) for run in runs_of(workspace, "train")}
    assert found == {
        "0.1": [(1, "FINISHED")],
        "0.2": [(2, "FINISHED")],
        "0.5": [(1, "FINISHED"), (2, "FINISHED")],
    }


def test_a_retry_with_other_arguments_is_still_the_same_run(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
from datetime import timedelta

@dag
def pipeline():
    @task.stageline(retries=1, retry_delay=timedelta(0))
    def train(tried):
        if tried == "1":
            raise ValueError("not yet")

    train("{{ ti.try_number }}")

pipeline()
"""
    )
    assert answer["state"] == "success"
    assert attempts(run_of(workspace, "train")) == [(1, "FAILED"), (2, "FINISHED")]


def test_a_worker_that_is_killed_leaves_an_attempt_that_was_killed(dag_runs, workspace):
    dags = (
        HEAD
        + """
from datetime import timedelta

@dag
def pipeline():
    @task.stageline(retries=1, retry_delay=timedelta(0))
    def train(ti=None):
        stageline.log_metric("tried", ti.try_number)
        if ti.try_number == 1:
            os.kill(os.getpid(), 9)

    train()

pipeline()
"""
    )
    script = """
import os
pid = os.fork()
if pid == 0:
    run("pipeline")
os.waitpid(pid, 0)

import stageline
from airflow_provider_stageline.hooks import StagelineHook
def status():
    workspace = StagelineHook().workspace()
    runs = workspace.search_runs([one.experiment_id for one in workspace.search_experiments()])
    return [str(run.info.status) for run in runs if run.data.tags.get("stageline.task")]
between = status()
from airflow import settings
settings.dispose_orm(do_log=False)
settings.configure_orm()
from airflow.models.dagrun import DagRun
from sqlalchemy import select
(run_id,) = settings.Session().scalars(select(DagRun.run_id)).all()
answer = between, go_on("pipeline", run_id)
"""
    between, after = dag_runs.do(dags, script)
    assert between == ["KILLED"]
    assert after["state"] == "success", dag_runs.log
    run = run_of(workspace, "train")
    assert attempts(run) == [(1, "KILLED"), (2, "FINISHED")]
    assert run.data.metrics == {"tried": 2.0}


def test_a_deferred_task_goes_on_with_the_same_attempt(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
from datetime import timedelta
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor

@dag
def pipeline():
    TimeDeltaSensor(task_id="wait", delta=timedelta(milliseconds=1), deferrable=True)

pipeline()
""",
        AIRFLOW__STAGELINE__TRACK_ALL="True",
    )
    assert answer["state"] == "success", dag_runs.log
    run = run_of(workspace, "wait")
    assert attempts(run) == [(1, "FINISHED")]


def test_a_rescheduled_sensor_goes_on_with_the_same_attempt(dag_runs, workspace, tmp_path):
    flag = tmp_path / "flag"
    answer = dag_runs.run(
        HEAD
        + f"""
from airflow.sdk import PokeReturnValue
from airflow_provider_stageline.hooks import StagelineHook

FLAG = Path({str(flag)!r})

@dag
def pipeline():
    @task.sensor(mode="reschedule", poke_interval=0.01)
    @tracked_task
    def wait(alpha=1):
        if not FLAG.exists():
            FLAG.write_text(str(current_run().info.status))
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value={{"rmse": 0.5}})

    wait()

pipeline()
"""
    )
    assert answer["state"] == "success", dag_runs.log
    run = run_of(workspace, "wait")
    assert attempts(run) == [(1, "FINISHED")]
    assert run.data.params == {"alpha": "1"}
    assert run.data.metrics == {"rmse": 0.5}


def test_two_airflows_in_one_store_are_told_apart_by_their_name(dag_runs, workspace):
    dags = (
        HEAD
        + """
@dag
def pipeline():
    @task.stageline
    def train():
        pass

    train()

pipeline()
"""
    )
    script = 'answer = run("pipeline", run_after=PENDULUM, logical_date=PENDULUM)'.replace(
        "PENDULUM", '__import__("pendulum").datetime(2026, 1, 1)'
    )
    for name in ("staging", "production", "production"):
        dag_runs.do(dags, script, AIRFLOW__STAGELINE__NAME=name)
    assert len(runs_of(workspace, "train")) == 2
