"""Each operator in a DAG that Airflow runs, against a store in a folder."""

from __future__ import annotations

import textwrap

import pandas as pd
import pytest
from models import logged, points, registered, stages

from stageline.registry import MetricRule, Policy


def dag(body: str) -> str:
    """A DAG file whose DAG `pipeline` is made by `body`, with a task `after` that each test puts downstream."""
    return (
        "from airflow.sdk import dag, task\n"
        "from airflow_provider_stageline.operators.evaluating import EvaluateModelOperator\n"
        "from airflow_provider_stageline.operators.gates import StageGateOperator\n"
        "from airflow_provider_stageline.operators.requests import RequestTransitionOperator\n"
        "from airflow_provider_stageline.operators.scoring import BatchPredictOperator\n"
        "from airflow_provider_stageline.operators.stages import RollbackOperator, TransitionStageOperator\n"
        "from airflow_provider_stageline.operators.versions import RegisterModelOperator\n"
        "@dag\n"
        "def pipeline():\n"
        "    @task\n"
        "    def after(): ...\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\npipeline()\n"
    )


def test_a_model_is_registered_and_promoted_in_the_name_of_the_dag(dag_runs, workspace):
    run_id = logged(workspace)

    found = dag_runs.run(
        dag(f"""
        made = RegisterModelOperator(task_id="register", model="line", run_id="{run_id}", tags={{"team": "a"}})
        TransitionStageOperator(
            task_id="promote", model="line", version=made.output["version"], stage="production", reason="nightly"
        )
        """)
    )

    assert found["state"] == "success", dag_runs.log
    version = workspace.registry.get_version("line", 1)
    assert (version.current_stage, version.run_id, version.tags) == (
        "Production",
        run_id,
        {"team": "a"},
    )
    *_, last = workspace.registry.history("line")
    assert (last.actor, last.reason) == ("airflow:pipeline", "nightly")
    assert "/dags/pipeline/runs/" in last.link
    assert "/tasks/promote" in last.link


def test_registering_the_same_model_again_makes_no_second_version(dag_runs, workspace):
    run_id = logged(workspace)
    made = f'RegisterModelOperator(task_id="%s", model="line", run_id="{run_id}")\n'

    dag_runs.run(dag(made % "one" + made % "two"))

    assert stages(workspace) == {1: "None"}


def test_a_transition_that_the_gate_refuses_fails_at_once_and_says_why(dag_runs, workspace):
    registered(workspace, 3.0)
    rule = MetricRule(condition="metrics.error < 0.5")
    workspace.registry.set_policy("line", "Production", Policy(rules=(rule,)))

    found = dag_runs.run(
        dag("""
        TransitionStageOperator(task_id="promote", model="line", version="latest", stage="Production", retries=3)
        """)
    )

    assert found["tasks"] == {"promote": "failed"}
    assert "metrics.error is 1, required < 0.5" in dag_runs.log
    assert stages(workspace) == {1: "None"}


def test_a_transition_that_has_happened_is_none(dag_runs, workspace):
    registered(workspace, 2.0)
    workspace.registry.transition("line", 1, "Production")
    before = len(workspace.registry.history("line"))

    found = dag_runs.run(
        dag("""
        TransitionStageOperator(
            task_id="promote", model="line", version=1, stage="Production", expected_stage="None"
        )
        """)
    )

    assert found["state"] == "success"
    assert len(workspace.registry.history("line")) == before


def test_a_request_is_open_until_somebody_answers_and_is_one(dag_runs, workspace):
    registered(workspace, 2.0)
    ask = 'RequestTransitionOperator(task_id="%s", model="line", version=1, stage="Production", comment="why")\n'

    found = dag_runs.run(dag(ask % "one" + ask % "two"))

    assert found["state"] == "success"
    ((_, request),) = workspace.registry.requests("line")
    assert (request.requested_by, request.comment) == ("airflow:pipeline", "why")


def test_a_rollback_gives_the_stage_back_once(dag_runs, workspace):
    registered(workspace, 2.0, 2.5)
    for number in (1, 2):
        workspace.registry.transition("line", number, "Production", archive_existing=True)
    back = 'RollbackOperator(task_id="%s", model="line", stage="Production", bad_version=2, reason="bad")'

    found = dag_runs.run(dag(f"{back % 'one'} >> {back % 'two'}"))

    assert found["state"] == "success"
    assert stages(workspace) == {1: "Production", 2: "Archived"}


@pytest.mark.parametrize(("limit", "after"), [(0.5, "success"), (0.05, "skipped")])
def test_a_gate_lets_its_dag_go_on_or_skips_it(dag_runs, workspace, limit, after):
    registered(workspace, 2.1)
    rule = MetricRule(condition=f"metrics.error < {limit}")
    workspace.registry.set_policy("line", "Production", Policy(rules=(rule,), approvals=1))

    found = dag_runs.run(
        dag('StageGateOperator(task_id="gate", model="line", to_stage="Production") >> after()')
    )

    assert found["tasks"] == {"gate": "success", "after": after}
    assert "metrics.error" in dag_runs.log


def test_a_gate_on_what_is_in_a_stage_skips_while_nothing_is(dag_runs, workspace):
    registered(workspace, 2.0)
    gate = dag('StageGateOperator(task_id="gate", model="line", in_stage="Production") >> after()')

    assert dag_runs.run(gate)["tasks"]["after"] == "skipped"
    workspace.registry.transition("line", 1, "Production")
    assert dag_runs.run(gate)["tasks"]["after"] == "success"


def test_a_function_names_the_version_that_a_gate_looks_at(dag_runs, workspace):
    registered(workspace, 2.0, 4.0)
    rule = MetricRule(condition="metrics.error < 0.5")
    workspace.registry.set_policy("line", "Production", Policy(rules=(rule,)))

    found = dag_runs.run(
        dag("""
        @task.stage_gate(model="line", to_stage="Production")
        def good(): return 1
        @task.stage_gate(model="line", to_stage="Production", on_block="fail")
        def bad(): return 2
        @task
        def later(): ...
        good() >> after()
        bad() >> later()
        """)
    )

    assert found["tasks"] == {
        "good": "success",
        "after": "success",
        "bad": "failed",
        "later": "upstream_failed",
    }


def test_a_model_is_evaluated_in_a_run_of_its_own(dag_runs, workspace, tmp_path):
    registered(workspace, 2.0)

    found = dag_runs.run(
        dag(f"""
        EvaluateModelOperator(
            task_id="evaluate", model_uri="models:/line/1", data="{points(tmp_path)}", target="y",
            metrics=["rmse", "r2"], thresholds=["metrics.rmse < 0.5"], baseline="Production", experiment="nightly",
        ) >> after()
        """)
    )

    assert found["tasks"] == {"evaluate": "success", "after": "success"}, dag_runs.log
    trained = workspace.runs.get(workspace.registry.get_version("line", 1).run_id)
    assert trained.data.metrics["eval_rmse"] == pytest.approx(0.0, abs=1e-9)
    (run,) = workspace.search_runs(
        [workspace.experiments.get_by_name("nightly").experiment_id],
        "attributes.run_name = 'evaluate'",
    )
    assert run.data.params["model_uri"] == "models:/line/1"
    assert run.data.metrics["r2"] == pytest.approx(1.0)
    assert {one.dataset.name for one in run.inputs.dataset_inputs} == {
        "models:/line/1", str(tmp_path / "points.csv"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("on_block", "states"),
    [("fail", ("failed", "upstream_failed")), ("skip", ("success", "skipped"))],
)
def test_a_model_that_is_worse_than_what_is_in_production_blocks(
    dag_runs, workspace, tmp_path, on_block, states
):
    registered(workspace, 2.1, 2.5)
    workspace.registry.transition("line", 1, "Production")

    found = dag_runs.run(
        dag(f"""
        EvaluateModelOperator(
            task_id="evaluate", model_uri="models:/line/latest", data="{points(tmp_path)}", target="y",
            metrics=["rmse"], baseline="Production", on_block="{on_block}",
        ) >> after()
        """)
    )

    assert (found["tasks"]["evaluate"], found["tasks"]["after"]) == states
    assert "better rmse" in dag_runs.log


def test_files_are_scored_into_one(dag_runs, workspace, tmp_path):
    registered(workspace, 2.0)
    target = tmp_path / "out.csv"

    found = dag_runs.run(
        dag(f"""
        BatchPredictOperator(
            task_id="score", model_uri="models:/line/latest", source="{points(tmp_path)}", target="{target}", keep=["y"]
        )
        """)
    )

    assert found["state"] == "success", dag_runs.log
    assert pd.read_csv(target)["prediction"].tolist() == pytest.approx([1.0, 3.0, 5.0])
