"""What OpenLineage's provider is told of each operator: inputs and outputs, by the names of the store's own export."""

from __future__ import annotations

import json

from models import points, registered

from airflow_provider_stageline.assets import model_asset, to_openlineage

DAG = """
from airflow.sdk import dag
from airflow_provider_stageline.operators.evaluating import EvaluateModelOperator
from airflow_provider_stageline.operators.gates import StageGateOperator
from airflow_provider_stageline.operators.requests import RequestTransitionOperator
from airflow_provider_stageline.operators.scoring import BatchPredictOperator
from airflow_provider_stageline.operators.stages import RollbackOperator, TransitionStageOperator
from airflow_provider_stageline.operators.versions import RegisterModelOperator
from airflow_provider_stageline.sensors import ModelStageSensor

@dag
def pipeline():
    v = {{"model": "line", "version": 2}}
    (
        RegisterModelOperator(task_id="register", model="line", run_id="{run_id}")
        >> EvaluateModelOperator(
            task_id="evaluate", model_uri="models:/line/2", data="{data}", target="y", metrics=["rmse"]
        )
        >> StageGateOperator(task_id="gate", to_stage="Production", **v)
        >> RequestTransitionOperator(task_id="request", stage="Staging", **v)
        >> TransitionStageOperator(task_id="promote", stage="Production", archive_existing=True, **v)
        >> ModelStageSensor(task_id="wait", model="line", stage="Production")
        >> BatchPredictOperator(
            task_id="score", model_uri="models:/line/Production", source="{data}", target="{out}"
        )
        >> RollbackOperator(task_id="rollback", model="line", stage="Production")
    )

pipeline()
"""


SCRIPT = """
from airflow.listeners import hookimpl
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from airflow.sdk.listener import get_listener_manager

lineage = {}

class Collector:
    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        told = DefaultExtractor(task_instance.task).extract_on_complete(task_instance)
        lineage[task_instance.task_id] = [
            sorted((one.namespace, one.name) for one in several) for several in (told.inputs, told.outputs)
        ]

get_listener_manager().add_listener(Collector())
answer = {"state": run("pipeline")["state"], "lineage": lineage}
"""


def test_every_operator_names_what_it_read_and_made(dag_runs, workspace, tmp_path):
    registered(workspace, 2.0, 2.1)
    workspace.registry.transition("line", 1, "Production")
    run_id = workspace.registry.get_version("line", 2).run_id
    data, out = points(tmp_path), str(tmp_path / "out.csv")

    found = dag_runs.do(DAG.format(run_id=run_id, data=data, out=out), SCRIPT, within_s=200)

    store = f"file://{workspace.store.url}"
    one, two = ([store, f"models/line/versions/{number}"] for number in (1, 2))
    production = [store, "models/line/Production"]
    assert found["state"] == "success", dag_runs.log
    assert found["lineage"] == {
        "register": [[[store, f"runs/{run_id}/model"]], [two]],
        "evaluate": [[["file", data], two], []],
        "gate": [[two], []],
        "request": [[two], []],
        "promote": [[two], [production]],
        "wait": [[two], []],
        "score": [[["file", data], two], [["file", out]]],
        "rollback": [[one], [production]],
    }


def test_an_asset_is_a_dataset_of_its_store(workspace, monkeypatch):
    told = {"conn_type": "stageline", "host": str(workspace.store.url)}
    monkeypatch.setenv("AIRFLOW_CONN_STAGELINE_DEFAULT", json.dumps(told))

    found = to_openlineage(model_asset("wine", "Production"), None)

    assert (found.namespace, found.name) == (
        f"file://{workspace.store.url}",
        "models/wine/Production",
    )
