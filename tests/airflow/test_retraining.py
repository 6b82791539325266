"""`retraining_dag` and the example, run by Airflow: who is promoted, who is not, and what the rest of the DAG does."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from models import points, stages

from stageline.registry import MetricRule, Policy

EXAMPLES = Path(__file__).parents[2] / "examples" / "airflow"


def dag(folder: Path, slopes: list[float], **options: object) -> str:
    """Lines of several slopes; `notify` writes down what it is told."""
    given = "".join(f"    {name}={value!r},\n" for name, value in options.items())
    return (
        textwrap.dedent(f"""
        import json, pathlib
        from airflow_provider_stageline.retraining import retraining_dag

        def train(slope):
            import pandas as pd, stageline
            from sklearn.linear_model import LinearRegression
            x = pd.DataFrame({{"x": [0.0, 1.0]}})
            model = LinearRegression().fit(x, [1.0, 1.0 + slope])
            stageline.log_model(model, signature=stageline.infer_signature(x, [1.0, 2.0]))
            return {{"slope": slope}}

        def note(name):
            def write(told):
                pathlib.Path({str(folder)!r}, name).write_text(json.dumps(told))
            return write

        retraining_dag(
            "pipeline", model="line", train=train, candidates=[{{"slope": one}} for one in {slopes}],
            data={points(folder)!r}, target="y", metrics=["rmse"], notify=note("notified"), deploy=note("deployed"),
            is_approved_by_people=False,
        """)
        + given
        + ")\n"
    )


def test_the_best_candidate_is_registered_promoted_and_deployed(dag_runs, workspace, tmp_path):
    found = dag_runs.run(dag(tmp_path, [3.0, 2.1, 2.5], thresholds=["metrics.rmse < 1"]))

    assert found["state"] == "success", dag_runs.log
    version = workspace.registry.get_version("line", 1)
    assert stages(workspace) == {1: "Production"}
    assert workspace.runs.get(version.run_id).data.params == {"slope": "2.1"}
    deployed = json.loads((tmp_path / "deployed").read_text())
    assert (deployed["model"], deployed["version"]) == ("line", 1)
    assert json.loads((tmp_path / "notified").read_text())["promoted"]["version"] == 1


def test_a_training_that_fails_fails_the_dag_run_and_it_is_told(dag_runs, workspace, tmp_path):
    found = dag_runs.run(dag(tmp_path, [2.1]).replace("[1.0, 1.0 + slope]", "[1.0]"))

    assert found["tasks"]["promote"] == "upstream_failed"
    assert found["tasks"]["notify"] == "success"
    assert found["state"] == "failed"
    assert json.loads((tmp_path / "notified").read_text())["registered"] is None


def test_whoever_is_not_better_than_production_is_not_registered_and_it_is_told(
    dag_runs, workspace, tmp_path
):
    dag_runs.run(dag(tmp_path, [2.1]))
    (tmp_path / "deployed").unlink()

    found = dag_runs.run(dag(tmp_path, [2.2, 2.3]))

    skipped = ("choose", "register", "gate", "promote", "deploy")
    assert {found["tasks"][name] for name in skipped} == {"skipped"}
    assert found["tasks"]["notify"] == "success"
    assert stages(workspace) == {1: "Production"}
    assert not (tmp_path / "deployed").exists()
    assert json.loads((tmp_path / "notified").read_text())["promoted"] is None


def test_a_gate_that_is_shut_skips_promotion(dag_runs, workspace, tmp_path):
    workspace.registry.create_registered_model("line")
    rule = MetricRule(condition="metrics.eval_rmse < 0.01")
    workspace.registry.set_policy("line", "Production", Policy(rules=(rule,)), allow_unknown=True)

    found = dag_runs.run(dag(tmp_path, [2.1]))

    assert (found["tasks"]["gate"], found["tasks"]["promote"]) == ("success", "skipped")
    assert stages(workspace) == {1: "None"}


@pytest.mark.parametrize("name", ["retraining", "deployment"])
def test_the_examples_are_dags(dag_runs, name):
    script = f"""
        dag = dag_of("diabetes_{name}")
        answer = {{"tasks": sorted(task.task_id for task in dag.tasks), "schedule": str(dag.schedule)}}
    """

    found = dag_runs.do((EXAMPLES / f"{name}.py").read_text(), textwrap.dedent(script))

    wanted = {
        "retraining": ["approve", "choose", "evaluate", "gate", "notify", "prepare", "promote", "register", "train"],
        "deployment": ["deploy", "transitions"],
    }  # fmt: skip
    assert found["tasks"] == wanted[name]
