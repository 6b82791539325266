"""The hook: from a connection of Airflow's to a store."""

from __future__ import annotations

DAG = """
from airflow.sdk import dag, task

@dag
def pipeline():
    @task
    def look():
        from airflow_provider_stageline.hooks import StagelineHook

        return StagelineHook().workspace().store.url

    look()

pipeline()
"""


def test_a_task_finds_the_store_of_its_connection(dag_runs, workspace):
    found = dag_runs.run(DAG)

    assert found["state"] == "success"
    assert workspace.store.url in dag_runs.log
