"""Tasks in two worker processes of Ray: the same run ids, parent and experiment, with nobody asked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import Tracking, tracked_flow, tracked_task
from stageline import RunStatus, log_metric
from stageline.workspace import Workspace

prefect_ray = pytest.importorskip("prefect_ray", reason="Ray is not installed here")


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


@pytest.fixture
def ray_folder() -> Iterator[str]:
    # Not tmp_path: the name of a socket in it may have a hundred characters and no more.
    folder = tempfile.mkdtemp(prefix="ray")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # Ray's own logs may still be written


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own, of which each release has others
def test_two_worker_processes_of_ray_agree_on_parent_and_experiment(
    workspace: Workspace, tmp_path: Path, ray_folder: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    runner = prefect_ray.RayTaskRunner(
        init_kwargs={
            "num_cpus": 2,
            "include_dashboard": False,
            "log_to_driver": False,
            "configure_logging": False,
            "object_store_memory": 80 << 20,
            "_temp_dir": ray_folder,
        }
    )

    @tracked_flow(name="on-ray", task_runner=runner, tracking=Tracking(experiment="grid"))
    def on_ray() -> None:
        train.map([0.1, 0.2, 0.3, 0.4]).wait()
        flaky.submit(str(tmp_path)).wait()

    on_ray()
    parent = flow_run_of(workspace, "on-ray")
    found = runs_of(workspace, "train")
    assert sorted(run.data.metrics["rmse"] for run in found) == [0.1, 0.2, 0.3, 0.4]
    assert os.getpid() not in {run.data.metrics["pid"] for run in found}
    retried = run_of(workspace, "flaky")
    assert [(a.number, str(a.status)) for a in retried.attempts] == [(1, "FAILED"), (2, "FINISHED")]
    everyone = all_runs(workspace)
    assert len(everyone) == 6
    assert {run.info.status for run in everyone} == {RunStatus.FINISHED}
    assert {run.info.experiment_id for run in everyone} == {parent.info.experiment_id}
    assert {run.parent_run_id for run in everyone} == {None, parent.info.run_id}
