"""A project as a task: what is recorded, retries, a kill of the task, and what a worker left that died."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> str:
    """A project whose entry points need nothing but Python."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(
        "name: tiny\n"
        "entry_points:\n"
        "  main:\n"
        "    parameters: {alpha: {type: float, default: 0.5}}\n"
        '    command: "python main.py {alpha}"\n'
        "  once:\n"
        '    command: "python once.py"\n'
        "  long:\n"
        '    command: "python long.py"\n'
    )
    (folder / "main.py").write_text(
        "import sys, stageline\nwith stageline.start_run():\n    stageline.log_metric('loss', float(sys.argv[1]))\n"
    )
    (folder / "once.py").write_text(
        "import pathlib, sys\n"
        f"told = pathlib.Path({str(tmp_path / 'told')!r})\n"
        "if not told.exists():\n    told.touch()\n    sys.exit(3)\n"
    )
    (folder / "long.py").write_text(
        f"import os, pathlib, time\npathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    return str(folder)


def dag(project: str, **options: object) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return textwrap.dedent(f"""
        from datetime import timedelta
        from airflow.sdk import dag
        from airflow_provider_stageline.operators.projects import RunProjectOperator

        @dag
        def pipeline():
            RunProjectOperator(
                task_id="train", project_uri={project!r}, env_manager="local", experiment="tiny",
                retry_delay=timedelta(0){given}
            )

        pipeline()
    """)


def runs_of(workspace):
    experiment = workspace.experiments.get_by_name("tiny").experiment_id
    return [
        run for run in workspace.search_runs([experiment]) if "airflow.task_id" in run.data.tags
    ]


def test_a_project_is_the_run_of_its_task(dag_runs, workspace, project):
    found = dag_runs.run(dag(project, parameters={"alpha": 0.25}))

    assert found["state"] == "success", dag_runs.log
    (run,) = runs_of(workspace)
    assert str(run.info.status) == "FINISHED"
    assert run.data.metrics == {"loss": 0.25}
    assert run.data.params["alpha"] == "0.25"
    assert run.data.tags["airflow.task_id"] == "train"


def test_a_command_that_fails_once_is_one_run_with_two_attempts(dag_runs, workspace, project):
    found = dag_runs.run(dag(project, entry_point="once", retries=1))

    assert found["state"] == "success", dag_runs.log
    (run,) = runs_of(workspace)
    assert [str(one.status) for one in run.attempts] == ["FAILED", "FINISHED"]
    assert "exit code 3" in run.attempts[0].reason


def test_what_a_worker_left_is_taken_up_by_what_the_store_says(dag_runs, workspace, project):
    script = """
        import json, os, signal, subprocess, sys, threading, time
        from types import SimpleNamespace as Names
        task = dag_of("pipeline").get_task("train")

        class State(dict):
            def set(self, key, value): self[key] = value

        ti = Names(dag_id="pipeline", run_id="r", task_id="train", map_index=-1, try_number=1, max_tries=2,
                   log_url="http://localhost/dags/pipeline/runs/r/tasks/train", start_date=None,
                   stats_tags={}, bundle_instance=None)
        state = State()
        def attempt(number):
            ti.try_number = number
            context = {"ti": ti, "task": task, "task_state_store": state, "dag_run": None, "dag": task.dag}
            task._submitted = task._recording = None
            return task.execute(context)

        first = attempt(1)
        submitted_again = []
        plain = task.submit_job
        task.submit_job = lambda context: submitted_again.append(1) or plain(context)
        second = attempt(2)
        taken_up = len(submitted_again)
        ti.max_tries = 3  # somebody clears the task
        third = attempt(3)
        answer = {"ids": [first["run_id"], second["run_id"], third["run_id"]], "taken_up": taken_up,
                  "cleared": len(submitted_again), "state": dict(state)}
    """
    found = dag_runs.do(dag(project), textwrap.dedent(script))

    assert len(set(found["ids"])) == 1
    assert found["taken_up"] == 0
    assert found["cleared"] == 1
    assert found["state"]["stageline_run_id"] == found["ids"][0]


def test_a_task_that_is_killed_ends_its_command(dag_runs, workspace, project, tmp_path):
    script = f"""
        import os, pathlib, threading, time
        from types import SimpleNamespace as Names
        task = dag_of("pipeline").get_task("train")
        pid_file = pathlib.Path({str(tmp_path / "pid")!r})
        ti = Names(dag_id="pipeline", run_id="r", task_id="train", map_index=-1, try_number=1, max_tries=0,
                   log_url="http://localhost/dags/pipeline/runs/r/tasks/train", start_date=None,
                   stats_tags={{}}, bundle_instance=None)
        def kill():
            give_up = time.monotonic() + 60
            while time.monotonic() < give_up and not (pid_file.exists() and pid_file.read_text()):
                time.sleep(0.05)
            task.on_kill()
        threading.Thread(target=kill).start()
        try:
            task.execute({{"ti": ti, "task": task, "task_state_store": None, "dag_run": None, "dag": task.dag}})
            said = "nothing"
        except Exception as error:
            said = str(error)
        try:
            os.kill(int(pid_file.read_text()), 0)
            lives = True
        except ProcessLookupError:
            lives = False
        answer = {{"said": said, "lives": lives}}
    """
    found = dag_runs.do(dag(project, entry_point="long"), textwrap.dedent(script))

    assert not found["lives"]
    assert "KILLED" in found["said"]
    (run,) = runs_of(workspace)
    assert (str(run.info.status), run.info.reason) == ("KILLED", "the task was killed")
