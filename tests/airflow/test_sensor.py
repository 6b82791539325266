"""The sensor, in a DAG that Airflow runs: here and in the triggerer."""

from __future__ import annotations

import textwrap

import pytest
from models import registered

DAG = """
from airflow.sdk import dag, task
from airflow_provider_stageline.sensors import ModelStageSensor

@dag
def pipeline():
    @task
    def tell(version):
        print("came:", version)

    came = ModelStageSensor(
        task_id="wait", model="line", stage="Production", newer_than=1, poke_interval=0.05, timeout=60,
        deferrable={deferrable}, soft_fail={soft_fail},
    )
    tell(came.output["version"])

pipeline()
"""


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_version_is_waited_for(dag_runs, workspace, deferrable):
    registered(workspace, 2.0, 2.1)
    workspace.registry.transition("line", 1, "Production")
    script = """
        import threading
        from stageline import Workspace

        registry = Workspace.open(STORE).registry
        mover = threading.Timer(2.0, registry.transition, ("line", 2, "Production"))
        mover.start()
        answer = run("pipeline")
        mover.join()
    """
    script = textwrap.dedent(script).replace("STORE", repr(workspace.store.url))

    found = dag_runs.do(DAG.format(deferrable=deferrable, soft_fail=False), script)

    assert found["tasks"] == {"wait": "success", "tell": "success"}, dag_runs.log
    assert "came: 2" in dag_runs.log


def test_what_is_there_already_is_not_waited_for(dag_runs, workspace):
    registered(workspace, 2.0, 2.1)
    workspace.registry.transition("line", 2, "Production")

    found = dag_runs.run(DAG.format(deferrable=True, soft_fail=False))

    assert found["tasks"] == {"wait": "success", "tell": "success"}
