"""Tasks that are tracked: what is recorded of them, and which run is which."""

from __future__ import annotations

HEAD = """
from pathlib import Path
from airflow.sdk import dag, task, get_current_context
from airflow_provider_stageline import Tracking, tracked_task, current_run
import stageline
"""


def runs_of(workspace, **tags: str) -> list:
    """The runs of the store, the oldest first, with these tags (dots written as `__`)."""
    ids = [one.experiment_id for one in workspace.search_experiments()]
    found = list(workspace.search_runs(ids))
    wanted = {name.replace("__", "."): value for name, value in tags.items()}
    fitting = [run for run in found if wanted.items() <= run.data.tags.items()]
    return sorted(fitting, key=lambda run: run.info.start_time)


def run_of(workspace, task: str):
    (found,) = runs_of(workspace, stageline__task=task)
    return workspace.runs.get(found.info.run_id)


def parent_of(workspace):
    (found,) = [run for run in runs_of(workspace) if "stageline.task" not in run.data.tags]
    return workspace.runs.get(found.info.run_id)


DECORATORS = {
    "provider": "@task.stageline",
    "stacked": "@task\n    @tracked_task",
}


def test_a_task_is_a_child_of_the_dag_runs_run(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
@dag(params={"day": "monday"})
def pipeline():
    @task.stageline
    def train(alpha, l1_ratio=0.5, api_token="hunter22"):
        stageline.log_metric("loss", 0.25)
        return {"rmse": alpha * l1_ratio, "note": "fine"}

    @task
    @tracked_task
    def score(given, ti=None, **context):
        assert current_run().info.run_name == "score"
        return {"mean": given["rmse"]}

    score(train(0.5))

pipeline()
"""
    )
    assert answer["state"] == "success", dag_runs.log

    train, score, parent = (
        run_of(workspace, "train"),
        run_of(workspace, "score"),
        parent_of(workspace),
    )
    assert train.data.params == {"alpha": "0.5", "l1_ratio": "0.5", "api_token": "***"}
    assert train.data.metrics == {"rmse": 0.25, "loss": 0.25}
    assert str(train.info.status) == "FINISHED"
    assert train.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert train.data.tags["airflow.run_id"] == answer["run_id"]
    assert score.data.params == {"given": "{'rmse': 0.25, 'note': 'fine'}"}
    assert score.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.params == {"day": "monday"}
    assert str(parent.info.status) == "FINISHED"
    assert parent.info.run_name == f"pipeline {answer['run_id']}"
    assert train.attempts[0].links["airflow"].endswith("try_number=1")
