"""Operators and triggers through Airflow's own serialization, and what a DAG file with all of them costs to parse."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap

import pytest

from airflow_provider_stageline.triggers import ModelStageEventTrigger, ModelStageTrigger

DAGS = """
from airflow.sdk import dag, task
from airflow_provider_stageline.operators.evaluating import EvaluateModelOperator
from airflow_provider_stageline.operators.gates import StageGateOperator
from airflow_provider_stageline.operators.projects import RunProjectOperator
from airflow_provider_stageline.operators.approval import ApproveTransitionOperator
from airflow_provider_stageline.operators.requests import RequestTransitionOperator
from airflow_provider_stageline.operators.scoring import BatchPredictOperator
from airflow_provider_stageline.operators.stages import RollbackOperator, TransitionStageOperator
from airflow_provider_stageline.operators.versions import RegisterModelOperator
from airflow_provider_stageline.sensors import ModelStageSensor

@dag
def pipeline():
    to = {"model": "wine", "stage": "Production"}
    run = RunProjectOperator(task_id="run", project_uri=".", parameters={"alpha": 0.5, "names": ["a"]})
    made = RegisterModelOperator(task_id="register", model="wine", run_id=run.output["run_id"])
    EvaluateModelOperator(
        task_id="evaluate", model_uri="models:/wine/latest", data="d.csv", target="y", metrics=["rmse"],
        thresholds=["metrics.rmse < 1"], baseline="Production",
    )
    StageGateOperator(task_id="gate", model="wine", version=made.output["version"], to_stage="Production")
    RequestTransitionOperator(task_id="request", version=1, **to)
    ApproveTransitionOperator(task_id="approve", version=1, assigned_users=[{"id": "a", "name": "ann"}], **to)
    TransitionStageOperator(task_id="promote", version="{{ params.v }}", **to)
    RollbackOperator(task_id="rollback", reason="bad", **to)
    BatchPredictOperator.partial(task_id="score", model_uri="models:/wine/1").expand_kwargs(
        [{"source": "a.csv", "target": "b.csv"}]
    )
    ModelStageSensor(task_id="wait", deferrable=True, **to)

    @task.stage_gate(model="wine", in_stage="Production")
    def decorated(): return None
    decorated()

pipeline()
"""


def test_every_operator_comes_back_from_serialization_as_it_went(dag_runs):
    script = """
        from airflow.serialization.serialized_objects import DagSerialization

        first = DagSerialization.to_dict(dag_of("pipeline"))
        back = DagSerialization.from_dict(first)
        tasks = {}
        for task_id, task in sorted(back.task_dict.items()):
            tasks[task_id] = [task.task_type, sorted(task.template_fields)]
        answer = {"tasks": tasks, "links": sorted(back.get_task("register").operator_extra_link_dict),
                  "model": back.get_task("approve").model}
    """

    found = dag_runs.do(DAGS, textwrap.dedent(script))

    kinds = {task_id: kind for task_id, (kind, _) in found["tasks"].items()}
    assert kinds == {
        "approve": "ApproveTransitionOperator",
        "decorated": "_StageGateDecoratedOperator",
        "evaluate": "EvaluateModelOperator",
        "gate": "StageGateOperator",
        "promote": "TransitionStageOperator",
        "register": "RegisterModelOperator",
        "request": "RequestTransitionOperator",
        "rollback": "RollbackOperator",
        "run": "RunProjectOperator",
        "score": "BatchPredictOperator",
        "wait": "ModelStageSensor",
    }
    assert found["model"] == "wine"
    assert {"model", "version", "stage", "actor", "body"} <= set(found["tasks"]["approve"][1])
    assert found["links"] == ["Model version", "Stageline run"]


@pytest.mark.parametrize(
    "trigger",
    [
        ModelStageTrigger("wine", "Production", version=3, poll_interval_s=2.5),
        ModelStageTrigger("wine", "Production", newer_than=3, stageline_conn_id="team"),
        ModelStageEventTrigger("wine", ["Staging", "Production"], poll_interval_s=2.5),
        ModelStageEventTrigger(),
    ],
)
def test_a_trigger_comes_back_from_the_database_as_it_went(trigger):
    from airflow.models.trigger import Trigger
    from airflow.serialization.decoders import smart_decode_trigger_kwargs

    classpath, kwargs = trigger.serialize()
    stored = Trigger._decrypt_kwargs(Trigger.encrypt_kwargs(kwargs))
    decoded = {name: smart_decode_trigger_kwargs(value) for name, value in stored.items()}
    module, _, name = classpath.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**decoded)

    assert again.serialize() == trigger.serialize()


def test_watchers_of_one_model_are_one_trigger_and_of_two_models_two():
    def identity(model: str) -> int:
        return ModelStageEventTrigger.hash(*ModelStageEventTrigger(model).serialize())

    assert identity("wine") == identity("wine") != identity("line")


def test_a_dag_file_with_all_operators_loads_no_heavy_library():
    code = DAGS + textwrap.dedent("""
        import sys
        heavy = {"pandas", "numpy", "sklearn", "pyarrow", "s3fs", "scipy", "skops"} & set(sys.modules)
        assert not heavy, heavy
    """)

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=180
    )

    assert done.returncode == 0, done.stderr[-3000:]
