"""Tasks in other processes: the same run ids and parents, with nobody asked; and what is left of one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect import flow
from prefect.task_runners import ProcessPoolTaskRunner
from prefect_dask import DaskTaskRunner
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import Tracking, tracked_flow, tracked_task
from stageline import RunStatus, log_metric
from stageline.tasks import PipelineIdentity, TaskIdentity
from stageline.workspace import Workspace

GIVE_UP_S = 90.0


@tracked_task
def train(alpha: float) -> dict[str, float]:
    log_metric("pid", os.getpid())
    return {"rmse": alpha}


@tracked_task(retries=1)
def flaky(folder: str) -> dict[str, float]:
    log_metric("tried", 1.0)
    try:
        os.close(os.open(Path(folder) / "tried", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return {"rmse": 1.0}
    raise ValueError("first")


@tracked_task
def by_subprocess() -> None:
    program = "import stageline; stageline.log_metric('inside', 1.0); stageline.end_run()"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@tracked_task
def waits(folder: str) -> None:
    (Path(folder) / "pid.tmp").write_text(str(os.getpid()))
    (Path(folder) / "pid.tmp").rename(Path(folder) / "pid")
    while True:
        time.sleep(0.05)


def test_another_process_computes_the_same_ids(workspace: Workspace):
    @tracked_flow(name="derived")
    def derived() -> None:
        train(0.5)

    derived()
    parent, child = flow_run_of(workspace, "derived"), run_of(workspace, "train")
    program = (
        "import sys; from stageline.tasks import PipelineIdentity as P, TaskIdentity as T;"
        "print(P(orchestrator='prefect', pipeline='', pipeline_run=sys.argv[1]).run_id);"
        "print(T(orchestrator='prefect', pipeline='', pipeline_run=None, task='', task_run=sys.argv[2]).run_id)"
    )
    ids = child.data.tags["prefect.flow_run_id"], child.data.tags["prefect.task_run_id"]
    told = subprocess.run(
        [sys.executable, "-c", program, *ids], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [parent.info.run_id, child.info.run_id]


def test_two_worker_processes_of_dask_agree_on_parent_and_experiment(
    workspace: Workspace, tmp_path: Path
):
    runner = DaskTaskRunner(
        cluster_kwargs={
            "n_workers": 2,
            "threads_per_worker": 1,
            "dashboard_address": None,
            "local_directory": str(tmp_path / "dask"),
        }
    )

    @tracked_flow(name="on-dask", task_runner=runner, tracking=Tracking(experiment="grid"))
    def on_dask() -> None:
        train.map([0.1, 0.2, 0.3, 0.4]).wait()
        flaky.submit(str(tmp_path)).wait()
        by_subprocess.submit().wait()

    on_dask()
    parent = flow_run_of(workspace, "on-dask")
    found = runs_of(workspace, "train")
    assert sorted(run.data.metrics["rmse"] for run in found) == [0.1, 0.2, 0.3, 0.4]
    assert os.getpid() not in {run.data.metrics["pid"] for run in found}
    retried = run_of(workspace, "flaky")
    assert [(a.number, str(a.status)) for a in retried.attempts] == [(1, "FAILED"), (2, "FINISHED")]
    histories = workspace.runs.attempt_histories(retried.info.run_id, "tried")
    assert {number: len(points) for number, points in histories.items()} == {1: 1, 2: 1}
    started = run_of(workspace, "by_subprocess")
    assert started.data.metrics == {"inside": 1.0}
    everyone = all_runs(workspace)
    assert len(everyone) == 7
    assert {run.info.status for run in everyone} == {RunStatus.FINISHED}
    assert {run.info.experiment_id for run in everyone} == {parent.info.experiment_id}
    assert {run.parent_run_id for run in everyone} == {None, parent.info.run_id}


def test_retries_in_a_process_pool_are_attempts_too(workspace: Workspace, tmp_path: Path):
    @flow(name="pooled", task_runner=ProcessPoolTaskRunner(max_workers=1))
    def pooled() -> None:
        flaky.submit(str(tmp_path)).wait()
        by_subprocess.submit().wait()

    pooled()
    run = run_of(workspace, "flaky")
    assert run.info.status is RunStatus.FINISHED
    assert [(a.number, a.reason) for a in run.attempts] == [(1, "ValueError: first"), (2, None)]
    assert run_of(workspace, "by_subprocess").data.metrics == {"inside": 1.0}
    assert len(all_runs(workspace)) == 3


def test_a_task_whose_process_is_killed_is_killed_and_leaves_no_ghost(
    workspace: Workspace, tmp_path: Path
):
    @tracked_flow(name="doomed", task_runner=ProcessPoolTaskRunner(max_workers=1))
    def doomed() -> None:
        future = waits.submit(str(tmp_path))
        pid = int(_content_of(tmp_path / "pid"))
        os.kill(pid, signal.SIGKILL)
        future.result()

    with pytest.raises(Exception, match=r"abruptly|terminated|died|Crash"):
        doomed()
    run, parent = run_of(workspace, "waits"), flow_run_of(workspace, "doomed")
    pid = (tmp_path / "pid").read_text()
    assert run.info.status is RunStatus.KILLED
    assert f"process {pid} on" in (run.info.reason or "")
    assert [(a.status, a.reason) for a in run.attempts] == [(RunStatus.KILLED, run.info.reason)]
    assert parent.info.status.is_terminal
    assert parent.info.status is not RunStatus.FINISHED
    assert len(all_runs(workspace)) == 2
    found = workspace.search_runs([run.info.experiment_id], "attributes.status = 'RUNNING'")
    assert list(found) == []


def _content_of(path: Path) -> str:
    give_up = time.monotonic() + GIVE_UP_S
    while not path.exists():
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return path.read_text()


def test_identities_are_told_apart_by_what_prefect_calls_them():
    one = TaskIdentity(
        orchestrator="prefect", pipeline="", pipeline_run="a", task="t", task_run="1"
    )
    two = TaskIdentity(
        orchestrator="prefect", pipeline="", pipeline_run="a", task="t", task_run="2"
    )
    parent = PipelineIdentity(orchestrator="prefect", pipeline="", pipeline_run="a")
    assert len({one.run_id, two.run_id, parent.run_id}) == 3
    assert one.parent_run_id == two.parent_run_id == parent.run_id
