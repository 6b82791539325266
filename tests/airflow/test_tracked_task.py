"""Tasks that are tracked: what is recorded of them, by Airflow's features."""

from __future__ import annotations

import pytest
from recorded import HEAD, attempts, parent_of, run_of, runs_of


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


def test_mapped_tasks_are_runs_by_their_index(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
@dag
def pipeline():
    @task.stageline(run_name="{task}-{alpha}")
    def train(alpha, l1_ratio):
        return {"rmse": alpha * l1_ratio}

    @task
    @tracked_task
    def pick(results):
        return {"best": min(one["rmse"] for one in results)}

    pick(train.partial(l1_ratio=0.5).expand(alpha=[0.1, 0.5, 1.0]))

pipeline()
"""
    )
    assert answer["state"] == "success", dag_runs.log
    found = runs_of(workspace, "train")
    assert [run.info.run_name for run in found] == ["train-0.1", "train-0.5", "train-1.0"]
    assert [run.data.metrics["rmse"] for run in found] == [0.05, 0.25, 0.5]
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {
        parent_of(workspace).info.run_id
    }
    assert run_of(workspace, "pick").data.metrics == {"best": 0.05}


def test_retries_are_attempts_of_one_run_and_a_failure_ends_it(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
from datetime import timedelta
from airflow.sdk.exceptions import AirflowFailException

@dag(default_args={"retry_delay": timedelta(0)})
def pipeline():
    @task.stageline(retries=2)
    def second_time(ti=None):
        stageline.log_metric("try", ti.try_number)
        if ti.try_number < 2:
            raise ValueError("not yet")

    @task(retries=1)
    @tracked_task
    def never(password):
        raise ValueError(f"can not log in with {password}")

    @task.stageline(retries=5)
    def at_once():
        raise AirflowFailException("hopeless")

    second_time(), never("hunter22"), at_once()

pipeline()
"""
    )
    assert answer["state"] == "failed"
    second, never, at_once = (
        run_of(workspace, name) for name in ("second_time", "never", "at_once")
    )
    assert attempts(second) == [(1, "FAILED"), (2, "FINISHED")]
    assert str(second.info.status) == "FINISHED"
    assert second.data.metrics["try"] == 2
    assert second.attempts[0].reason == "ValueError: not yet"
    assert attempts(never) == [(1, "FAILED"), (2, "FAILED")]
    assert never.info.reason == "ValueError: can not log in with ***"
    assert str(at_once.info.status) == "FAILED"
    assert attempts(at_once) == [(1, "FAILED")]
    assert str(parent_of(workspace).info.status) == "FAILED"


def test_skips_branches_and_short_circuits(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
from airflow.sdk.exceptions import AirflowSkipException

@dag
def pipeline():
    @task.branch
    @tracked_task
    def choose():
        return "left"

    @task.stageline
    def left():
        raise AirflowSkipException("it is Sunday")

    @task.stageline
    def right():
        pass

    @task.short_circuit
    @tracked_task
    def stop():
        return False

    @task.stageline
    def after():
        pass

    choose() >> [left(), right()]
    stop() >> after()

pipeline()
"""
    )
    assert answer["tasks"]["right"] == answer["tasks"]["after"] == "skipped"
    left = run_of(workspace, "left")
    assert (str(left.info.status), left.data.tags["stageline.skipped"]) == (
        "FINISHED",
        "it is Sunday",
    )
    assert str(run_of(workspace, "choose").info.status) == "FINISHED"
    assert str(run_of(workspace, "stop").info.status) == "FINISHED"
    assert not runs_of(workspace, "right")
    assert not runs_of(workspace, "after")


def test_setup_and_teardown_are_tracked_too(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
@dag
def pipeline():
    @setup
    @task.stageline
    def up():
        return 1

    @task.stageline
    def work():
        raise ValueError("no")

    @teardown
    @task
    @tracked_task
    def down():
        pass

    up() >> work() >> down()

pipeline()
"""
    )
    assert answer["tasks"] == {"up": "success", "work": "failed", "down": "success"}
    statuses = [str(run_of(workspace, name).info.status) for name in ("up", "work", "down")]
    assert statuses == ["FINISHED", "FAILED", "FINISHED"]


def test_arguments_from_templates_xcoms_and_the_dag_run(dag_runs, workspace):
    answer = dag_runs.do(
        HEAD
        + """
@dag(params={"alpha": 0.1})
def pipeline():
    @task
    def rows():
        return list(range(5000))

    @task
    def text():
        return "x" * 5000

    @task.stageline
    def train(rows, text, alpha, task_id, params=None, ds=None, *, ti=None, **context):
        return {"rows": len(rows)}

    train(rows(), text(), alpha="{{ params.alpha }}", task_id="{{ task.task_id }}")

pipeline()
""",
        'answer = run("pipeline", run_conf={"alpha": 0.7})',
    )
    assert answer["state"] == "success", dag_runs.log
    params = run_of(workspace, "train").data.params
    assert params.keys() == {"rows", "text", "alpha", "task_id"}
    assert (params["alpha"], params["task_id"]) == ("0.7", "train")
    assert params["rows"].startswith("list len=5000 sha256=")
    assert "(5000 characters, sha256=" in params["text"]
    assert parent_of(workspace).data.params == {"alpha": "0.7"}


def test_coroutines_and_generators(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
@dag
def pipeline():
    @task.stageline
    async def coroutine(alpha: float):
        stageline.log_metric("inside", alpha)
        return {"rmse": alpha}

    @task
    @tracked_task
    async def stacked(alpha: float):
        return {"rmse": alpha}

    @task.stageline
    def items():
        stageline.log_metric("inside", 1)
        yield "looked at"
        return {"rmse": 2.0}

    coroutine(0.5), stacked(0.25), items()

pipeline()
"""
    )
    assert answer["state"] == "success", dag_runs.log
    assert run_of(workspace, "coroutine").data.metrics == {"rmse": 0.5, "inside": 0.5}
    assert run_of(workspace, "stacked").data.metrics == {"rmse": 0.25}
    assert run_of(workspace, "items").data.metrics == {"rmse": 2.0, "inside": 1.0}


def test_paths_that_are_returned_are_artifacts_to_the_next_task_too(dag_runs, workspace, tmp_path):
    answer = dag_runs.run(
        HEAD
        + f"""
@dag
def pipeline():
    @task.stageline
    def train():
        path = Path({str(tmp_path)!r}) / "model.txt"
        path.write_text("weights")
        return {{"rmse": 0.5, "model": path}}

    @task
    @tracked_task
    def look(found):
        _, run_id, name = found["model"].split("/")
        assert Path(stageline.download_artifacts(run_id, name)).read_text() == "weights"

    look(train())

pipeline()
""",
    )
    assert answer["state"] == "success", dag_runs.log
    run = run_of(workspace, "train")
    assert workspace.artifacts(run.info.run_id).read("model.txt") == b"weights"


def test_what_a_task_starts_logs_to_its_run_and_the_next_task_finds_no_trace(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
CODE = "import stageline; stageline.log_metric('in_child', 1)"

@dag
def pipeline():
    @task.stageline
    def first():
        subprocess.run([sys.executable, "-c", CODE], check=True)
        return os.environ["STAGELINE_RUN_ID"]

    @task
    def second(first_run):
        assert first_run and "STAGELINE_RUN_ID" not in os.environ

    second(first())

pipeline()
"""
    )
    assert answer["state"] == "success", dag_runs.log
    assert run_of(workspace, "first").data.metrics == {"in_child": 1.0}


@pytest.mark.parametrize("kind", ["external_python(python=sys.executable)", "virtualenv"])
def test_a_task_in_another_interpreter_is_tracked_from_outside_and_logs_from_inside(
    dag_runs, workspace, kind
):
    answer = dag_runs.run(
        HEAD
        + f"""
@dag
def pipeline():
    @task.{kind}
    @tracked_task(
        tracking=Tracking(run_name="elsewhere"),
    )
    def train(alpha, l1_ratio=0.5):
        import os, sys
        # what the interpreter of a virtual environment has of ours: the run in its environment
        assert os.environ["STAGELINE_RUN_ID"] and os.environ["STAGELINE_STORE"]
        try:
            import stageline
        except ImportError:
            pass
        else:
            stageline.log_metric("inside", 1)
        return {{"rmse": alpha * l1_ratio}}

    train(0.5)

pipeline()
"""
    )
    assert answer["state"] == "success", dag_runs.log
    run = run_of(workspace, "train")
    assert run.info.run_name == "elsewhere"
    assert run.data.params == {"alpha": "0.5", "l1_ratio": "0.5"}
    assert run.data.metrics["rmse"] == 0.25
    assert kind == "virtualenv" or run.data.metrics["inside"] == 1


def test_a_store_that_is_nowhere_costs_no_task_its_work(dag_runs, workspace):
    answer = dag_runs.run(
        HEAD
        + """
@dag
def pipeline():
    @task.stageline(stageline_conn_id="not_there")
    def train():
        return 1

    @task.stageline(stageline_conn_id="not_there", on_error="raise")
    def strict():
        return 1

    train(), strict()

pipeline()
"""
    )
    assert answer["tasks"] == {"train": "success", "strict": "failed"}
    assert "there is no connection 'not_there'" in dag_runs.log
    assert not runs_of(workspace)


def test_what_airflow_knows_to_be_secret_is_masked(dag_runs, workspace, tmp_path):
    answer = dag_runs.run(
        HEAD
        + """
from airflow.sdk import Connection
from airflow.sdk.log import mask_secret

@dag
def pipeline():
    @task
    def give():
        mask_secret("correct-horse")
        return "say correct-horse"

    @task.stageline
    def train(phrase, address, box=None):
        raise ValueError(phrase)

    train(give(), "{{ conn.warehouse.get_uri() }}")

pipeline()
""",
        AIRFLOW_CONN_WAREHOUSE='{"conn_type": "http", "host": "h", "login": "me", "password": "battery-staple"}',
        AIRFLOW__CORE__HIDE_SENSITIVE_VAR_CONN_FIELDS="True",
    )
    assert answer["state"] == "failed"
    run = run_of(workspace, "train")
    assert run.data.params["phrase"] == "***"
    assert "battery-staple" not in run.data.params["address"]
    assert run.info.reason == "ValueError: ***"
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    stored = b"".join(path.read_bytes() for path in files)
    assert b"correct-horse" not in stored
    assert b"battery-staple" not in stored


def test_which_params_are_recorded_is_not_airflows_option_of_that_name():
    from airflow_provider_stageline.decorators import stageline_task
    from stageline.errors import InvalidInput

    with pytest.raises(InvalidInput, match=r"tracking=Tracking\(params=False\)"):
        stageline_task(params=False)
