"""A project with steps as a group of tasks."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_provider_stageline.project_group import ProjectTaskGroup
from stageline.errors import NotFound

STEPS = Path(__file__).parents[2] / "examples" / "steps"
FILE = f"""
from airflow.sdk import dag
from airflow_provider_stageline.project_group import ProjectTaskGroup

@dag
def pipeline():
    ProjectTaskGroup(
        project_uri={str(STEPS)!r}, group_id="line", env_manager="local", experiment="line", parameters={{"noise": 0.3}}
    )

pipeline()
"""


def test_each_step_is_a_task_and_what_was_made_before_is_not_made_again(dag_runs, workspace):
    script = textwrap.dedent("""
        first, second = run("pipeline"), run("pipeline")
        needs = {task.task_id: sorted(task.upstream_task_ids) for task in dag_of("pipeline").tasks}
        answer = {"first": first["tasks"], "second": second["state"], "needs": needs}
    """)

    found = dag_runs.do(FILE, script, within_s=200)

    assert set(found["first"].values()) == {"success"}, dag_runs.log
    assert found["second"] == "success", dag_runs.log
    assert found["needs"] == {
        "line.plan": [],
        "line.points": ["line.plan"],
        "line.flat": ["line.plan", "line.points"],
        "line.straight": ["line.plan", "line.points"],
        "line.compare": ["line.flat", "line.plan", "line.points", "line.straight"],
    }
    runs = workspace.search_runs([workspace.experiments.get_by_name("line").experiment_id])
    spared = [run for run in runs if "stageline.cached_from" in run.data.tags]
    assert len(spared) == 4


def test_nothing_but_a_local_file_is_read_while_a_dag_is_parsed(tmp_path):
    with DAG("pipeline"), pytest.raises(NotFound, match="no MLproject file"):
        ProjectTaskGroup(project_uri="https://host/nowhere.git", manifest=tmp_path)
