"""A tracked flow is a run too: nested, ended truly, also when its process is cancelled or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.states import Failed
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import TrackedFlow, Tracking, tracked_flow, tracked_task
from stageline import Run, RunStatus, log_metric, log_param
from stageline.workspace import Workspace

GIVE_UP_S = 90.0


class Point:
    """A parameter of a type that only this module knows."""


@tracked_task
def train(alpha: float) -> dict[str, float]:
    return {"rmse": alpha}


def test_the_flows_own_code_logs_to_its_run(workspace: Workspace):
    @tracked_flow(name="training", tracking=Tracking(experiment="grid", tags={"team": "ml"}))
    def training(point: Point, seed: int = 3) -> dict[str, float]:
        log_param("chosen", "a")
        train(0.5)
        log_metric("inside", 1.0)
        return {"best": 0.5}

    assert training(Point()) == {"best": 0.5}
    run, child = flow_run_of(workspace, "training"), run_of(workspace, "train")
    assert run.info.status is RunStatus.FINISHED
    assert run.data.params["seed"] == "3"
    assert run.data.params["chosen"] == "a"
    assert run.data.metrics == {"inside": 1.0, "best": 0.5}
    assert run.data.tags["team"] == "ml"
    assert child.parent_run_id == run.info.run_id
    assert child.info.experiment_id == run.info.experiment_id != "0"


def test_a_subflow_is_nested_and_inherits_the_experiment(workspace: Workspace):
    @tracked_flow(name="inner")
    def inner() -> None:
        train(1.0)

    @tracked_flow(name="ainner")
    async def ainner() -> None:
        train(2.0)

    @tracked_flow(name="outer", tracking=Tracking(experiment="grid"))
    async def outer() -> None:
        inner()
        await ainner()

    @flow(name="plain")
    def plain() -> None:
        inner.with_options(name="in-plain")()

    asyncio.run(outer())
    plain()
    parent = flow_run_of(workspace, "outer")
    for name in ("inner", "ainner"):
        child = flow_run_of(workspace, name)
        assert child.parent_run_id == parent.info.run_id
        assert child.info.experiment_id == parent.info.experiment_id
    assert (
        flow_run_of(workspace, "in-plain").parent_run_id
        == flow_run_of(workspace, "plain").info.run_id
    )
    assert parent.parent_run_id is None
    assert {run.info.status for run in all_runs(workspace)} == {RunStatus.FINISHED}


def test_a_flow_that_raises_is_failed(workspace: Workspace):
    @tracked_flow(name="raising")
    def raising() -> None:
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        raising()
    run = flow_run_of(workspace, "raising")
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "ValueError: no luck")


def test_a_flow_that_returns_a_failed_state_is_failed(workspace: Workspace):
    @tracked_flow(name="returning")
    def returning() -> Any:
        return Failed(message="not good enough")

    returning(return_state=True)
    run = flow_run_of(workspace, "returning")
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "not good enough")


def test_a_flows_retries_are_attempts(workspace: Workspace):
    tries: list[int] = []

    @tracked_flow(name="retried", retries=1)
    def retried() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("first")

    retried()
    run = flow_run_of(workspace, "retried")
    assert run.info.status is RunStatus.FINISHED
    assert [(a.number, str(a.status)) for a in run.attempts] == [(1, "FAILED"), (2, "FINISHED")]


def test_an_untracked_task_logs_to_the_flows_run(workspace: Workspace):
    @task
    def plain_task() -> None:
        log_metric("from-task", 1.0)

    @tracked_flow(name="mixed")
    def mixed() -> None:
        plain_task.submit().wait()

    mixed()
    assert flow_run_of(workspace, "mixed").data.metrics == {"from-task": 1.0}


def test_fn_is_the_plain_function(workspace: Workspace):
    @tracked_flow
    def bare(x: int) -> int:
        return x

    assert bare.fn(3) == 3
    assert not all_runs(workspace)


def test_with_options_keeps_class_and_tracking():
    @tracked_flow(tracking=Tracking(experiment="grid"))
    def made() -> None: ...

    changed = made.with_options(retries=2)
    assert isinstance(changed, TrackedFlow)
    assert (changed.retries, changed.tracking.experiment, made.retries) == (2, "grid", 0)
    other = made.with_options(tracking=Tracking(experiment="other"))
    assert other.tracking.experiment == "other"


PROGRAM = """
import os
import time
from prefect import flow
from prefect_stageline import tracked_flow, tracked_task

@tracked_task
def waiting(n: int) -> None:
    os.write(1, b"waiting\\n")  # whole: two tasks say it at once
    while True:
        time.sleep(0.05)

@{decorator}(name="doomed")
def doomed():
    {call}

doomed()
"""


@contextmanager
def _program(
    tmp_path: Path, prefect_server: str, home: Path, decorator: str, call: str
) -> Iterator[subprocess.Popen[str]]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(decorator=decorator, call=call))
    environment = {**os.environ, "PREFECT_API_URL": prefect_server, "PREFECT_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, str(program)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _until_it_waits(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"


@pytest.mark.parametrize(
    ("decorator", "call"),
    [
        ("flow", "waiting(1)"),
        ("tracked_flow", "waiting(1)"),
        ("tracked_flow", "waiting.submit(1).wait()"),
    ],
)
def test_a_flow_that_gets_sigterm_is_killed(
    workspace: Workspace,
    tmp_path: Path,
    prefect_server: str,
    prefect_home: Path,
    decorator: str,
    call: str,
):
    with _program(tmp_path, prefect_server, prefect_home, decorator, call) as process:
        _until_it_waits(process)
        process.send_signal(signal.SIGTERM)
        if "submit" in call:  # Prefect waits for its thread, which waits for ever
            _poll(
                lambda: (
                    flow_run_of(workspace, "doomed").info.status.is_terminal
                    or process.poll() is not None
                )
            )
            process.kill()
        process.wait(GIVE_UP_S)
    found = [flow_run_of(workspace, "doomed"), run_of(workspace, "waiting")]
    assert [
        (run.info.run_name, run.info.status)
        for run in found
        if run.info.status is not RunStatus.KILLED
    ] == []
    assert all(run.info.reason for run in found)


def test_a_killed_flow_process_leaves_runs_that_are_reaped_as_killed(
    workspace: Workspace, tmp_path: Path, prefect_server: str, prefect_home: Path
):
    call = "waiting.map([1, 2]).wait()"
    with _program(tmp_path, prefect_server, prefect_home, "tracked_flow", call) as process:
        _until_it_waits(process)
        _until_it_waits(process)
        assert {run.info.status for run in all_runs(workspace)} == {RunStatus.RUNNING}
        process.kill()
        process.wait(GIVE_UP_S)
    found = [flow_run_of(workspace, "doomed"), *runs_of(workspace, "waiting")]
    assert [run.info.status for run in found] == [RunStatus.KILLED] * 3
    assert all(_says_who(run, process.pid) for run in found)


def _says_who(run: Run, pid: int) -> bool:
    return f"process {pid}" in (run.info.reason or "")


def _poll(is_so: Any) -> None:
    give_up = time.monotonic() + GIVE_UP_S
    while not is_so():
        assert time.monotonic() < give_up
