"""Projects in flows: the command joins the task's run, streams to its logs, and ends when the task does."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from prefect import flow
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import Tracking, project_flow, run_project, tracked_flow
from stageline import RunStatus
from stageline.errors import InvalidInput, RunFailed
from stageline.workspace import Workspace

GIVE_UP_S = 120.0
STEPS = Path(__file__).parents[2] / "examples" / "steps"

LOGS = """
import sys, pathlib, stageline
print("hello from the command"); print("and a warning", file=sys.stderr)
stageline.log_metric("rmse", float(sys.argv[1]))
pathlib.Path("out.txt").write_text("made")
stageline.log_artifact("out.txt")
"""
FLAKY = """
import pathlib, sys, stageline
tried = pathlib.Path(sys.argv[1]) / "tried"
stageline.log_metric("tried", 1.0)
if not tried.exists():
    tried.touch()
    sys.exit("first")
"""
# Its child is not to outlive it.
WAITS = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
told = pathlib.Path(sys.argv[1]) / "pids"
told.with_suffix(".tmp").write_text(f"{os.getpid()} {child.pid}")
told.with_suffix(".tmp").rename(told)
time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, source in (("logs", LOGS), ("flaky", FLAKY), ("waits", WAITS)):
        (folder / f"{name}.py").write_text(source)
    (folder / "MLproject").write_text(
        "entry_points:\n"
        "  main: {parameters: {rmse: float}, command: 'python logs.py {rmse}'}\n"
        "  flaky: {parameters: {place: string}, command: 'python flaky.py {place}'}\n"
        "  waits: {parameters: {place: string}, command: 'python waits.py {place}'}\n"
    )
    return folder


def test_the_command_joins_the_tasks_run_and_prints_to_its_logs(
    workspace: Workspace, project: Path, caplog: pytest.LogCaptureFixture
):
    @tracked_flow(name="training", tracking=Tracking(experiment="projects"))
    def training() -> str:
        return run_project(str(project), parameters={"rmse": 0.5}, env_manager="local")

    with caplog.at_level(logging.INFO, logger="prefect.task_runs"):
        run_id = training()
    run, parent = run_of(workspace, "run project"), flow_run_of(workspace, "training")
    assert run.info.run_id == run_id
    assert (run.info.status, run.parent_run_id) == (RunStatus.FINISHED, parent.info.run_id)
    assert (run.data.params, run.data.metrics) == ({"rmse": "0.5"}, {"rmse": 0.5})
    assert run.data.tags["mlflow.source.type"] == "PROJECT"
    assert set(workspace.runs.files(run_id)) == {"out.txt", "project/output.txt"}
    assert len(all_runs(workspace)) == 2
    said = {one.getMessage(): getattr(one, "task_run_id", "") for one in caplog.records}
    assert said["hello from the command"] == run.data.tags["prefect.task_run_id"]
    assert "and a warning" in said


def test_a_retry_of_a_project_is_an_attempt_of_its_run(
    workspace: Workspace, project: Path, tmp_path: Path
):
    @flow
    def training() -> str:
        return run_project.with_options(retries=1)(
            str(project), "flaky", {"place": str(tmp_path)}, env_manager="local"
        )

    run_id = training()
    run = run_of(workspace, "run project")
    assert (run.info.run_id, run.info.status) == (run_id, RunStatus.FINISHED)
    assert [(a.number, str(a.status)) for a in run.attempts] == [(1, "FAILED"), (2, "FINISHED")]
    assert "exit code 1: first" in (run.attempts[0].reason or "")


def test_a_project_that_fails_fails_its_task(workspace: Workspace, project: Path, tmp_path: Path):
    @flow
    def training() -> None:
        run_project(str(project), "flaky", {"place": str(tmp_path)}, env_manager="local")

    with pytest.raises(RunFailed, match="exit code 1: first"):
        training()
    run = run_of(workspace, "run project")
    assert (run.info.status, run.data.tags["stageline.project.exitCode"]) == (RunStatus.FAILED, "1")


def test_what_is_the_tasks_to_say_is_refused(project: Path):
    with pytest.raises(InvalidInput, match="'run_id' is the task's to say"):
        run_project.fn(str(project), run_id="0" * 32)


PROGRAM = """
from prefect import flow
from prefect_stageline import run_project

@flow(name="doomed")
def doomed():
    {call}

doomed()
"""


@pytest.mark.parametrize("call", ["run_project({0})", "run_project.submit({0}).result()"])
def test_a_cancelled_flow_ends_the_command_and_all_that_it_started(
    workspace: Workspace, project: Path, tmp_path: Path, call: str
):
    given = f"{str(project)!r}, 'waits', {{'place': {str(tmp_path)!r}}}, env_manager='local'"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(call=call.format(given)))
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        poll((tmp_path / "pids").exists)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        process.send_signal(signal.SIGTERM)
        process.wait(GIVE_UP_S)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(GIVE_UP_S)
    poll(lambda: not any(is_alive(pid) for pid in pids))
    run = run_of(workspace, "run project")
    assert run.info.status is RunStatus.KILLED
    assert run.info.reason


def test_a_project_with_steps_is_a_flow_of_tasks(workspace: Workspace):
    steps = project_flow(str(STEPS), tracking=Tracking(experiment="steps"))
    assert steps.name == "steps"
    made = steps(parameters={"noise": 0.2})
    assert list(made["compare"]["outputs"]) == ["report.md"]
    parent = flow_run_of(workspace, "steps")
    for name in ("points", "flat", "straight", "compare"):
        run = run_of(workspace, name)
        assert (run.info.status, run.parent_run_id) == (RunStatus.FINISHED, parent.info.run_id)
        assert run.info.run_id == made[name]["run_id"] == made[name]["made_by"]
    second = steps(parameters={"noise": 0.2})
    assert {name: one["made_by"] for name, one in second.items()} == {
        name: one["run_id"] for name, one in made.items()
    }
    assert {len(runs_of(workspace, name)) for name in made} == {2}


def test_a_step_that_fails_stops_what_needs_it_and_nothing_else(
    workspace: Workspace, tmp_path: Path
):
    (tmp_path / "MLproject").write_text(
        "entry_points:\n"
        "  bad: {command: 'echo no luck >&2; exit 3'}\n"
        "  good: {command: 'echo fine'}\n"
        "steps: [{name: bad, code: []}, {name: good, code: []}, {name: after, entry_point: good, code: [],"
        " needs: [bad]}]\n"
    )
    steps = project_flow(str(tmp_path), name="failing")
    with pytest.raises(RunFailed, match="exit code 3: no luck"):
        steps()
    assert run_of(workspace, "bad").info.status is RunStatus.FAILED
    assert run_of(workspace, "good").info.status is RunStatus.FINISHED
    assert runs_of(workspace, "after") == []
    assert flow_run_of(workspace, "failing").info.status is RunStatus.FAILED


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def poll(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + GIVE_UP_S
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)
