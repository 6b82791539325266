"""Tracked tasks on a real Airflow: scheduler, workers in processes of their own, retries, clears, deaths."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from rest import DagRun, Rest
from standalone import Standalone

from stageline.domain.run import Run, RunStatus
from stageline.workspace import Workspace

pytestmark = pytest.mark.slow


def test_a_task_that_fails_once_is_one_run_with_two_attempts(begun, standalone_store):
    dag_run = begun["retried"].succeeded()

    (run,) = runs_of(standalone_store, dag_run, "fail_once")
    assert run.info.status is RunStatus.FINISHED
    assert [attempt.status for attempt in run.attempts] == [
        RunStatus.FAILED,
        RunStatus.FINISHED,
    ]
    assert run.data.metrics == {"rmse": 0.25}
    assert run.data.params == {"alpha": "0.5"}


def test_a_task_whose_process_is_killed_goes_on_in_the_next_try(
    begun, admin: Rest, standalone: Standalone, standalone_store
):
    dag_run, told = begun["killed"], Path(standalone.home, "pid")
    admin.until(told.exists, "the task tells its pid", "killed")
    os.kill(int(told.read_text()), signal.SIGKILL)

    dag_run.succeeded()
    (run,) = runs_of(standalone_store, dag_run, "train")
    assert run.info.status is RunStatus.FINISHED
    assert [attempt.status for attempt in run.attempts] == [
        RunStatus.KILLED,
        RunStatus.FINISHED,
    ]
    assert run.data.metrics == {"loss": 0.25}


def test_a_cleared_task_goes_on_with_its_run_or_says_what_it_supersedes(
    begun, admin: Rest, standalone: Standalone, standalone_store
):
    dag_run = begun["cleared"].succeeded()
    (standalone.home / "alpha").write_text("0.75")
    dag_run.clear("same", "read", "changing")
    admin.until(
        lambda: dag_run.task("changing")["try_number"] == 2, "the task runs once more", "cleared"
    )
    dag_run.succeeded()

    (same,) = runs_of(standalone_store, dag_run, "same")
    assert [attempt.status for attempt in same.attempts] == [RunStatus.FINISHED] * 2
    before, after = runs_of(standalone_store, dag_run, "changing")
    assert (before.data.params, after.data.params) == ({"alpha": "0.5"}, {"alpha": "0.75"})
    assert after.data.tags["stageline.supersedes"] == before.info.run_id


def test_mapped_tasks_are_children_of_the_run_of_their_dag_run(begun, standalone_store):
    dag_run = begun["mapped"].succeeded()

    trained = runs_of(standalone_store, dag_run, "train")
    (best,) = runs_of(standalone_store, dag_run, "best")
    assert {run.data.tags["airflow.map_index"]: run.data.metrics["rmse"] for run in trained} == {
        "0": 0.3,
        "1": 0.1,
        "2": 0.2,
    }
    assert best.data.metrics == {"rmse": 0.1}
    (parent,) = {run.data.tags["mlflow.parentRunId"] for run in [*trained, best]}
    assert standalone_store.runs.get(parent).data.tags["airflow.run_id"] == dag_run.run_id


def test_a_task_finds_loaded_what_tracking_needs(begun):
    loaded = begun["forked"].succeeded().returned("look")

    assert {"stageline.tasks.record", "stageline.tracking.writer", "stageline.workspace"} <= set(
        loaded
    )


def runs_of(workspace: Workspace, dag_run: DagRun, task_id: str) -> list[Run]:
    """The runs that a task of a DAG run has recorded, the oldest first."""
    wanted = {"airflow.run_id": dag_run.run_id, "airflow.task_id": task_id}
    experiments = [each.experiment_id for each in workspace.experiments.list()]
    filter_string = " and ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.items())
    found = workspace.search_runs(
        experiments, filter_string, order_by=["attributes.start_time ASC"]
    )
    return list(found)
