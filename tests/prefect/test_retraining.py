"""The whole chain: a deployment on a worker that the clock and a stage start, each flow run tracked."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from rest import post, until

from prefect_stageline.triggers import on_stage_change, retraining
from prefect_stageline.watch import NAME
from stageline import RunStatus
from stageline.tasks import pipeline_run_id
from stageline.workspace import Workspace

pytestmark = pytest.mark.slow

FLOW = """
    from prefect_stageline import tracked_flow, tracked_task


    @tracked_task
    def fit(version: int) -> dict[str, float]:
        return {"rmse": 1.0 / (1 + version)}


    @tracked_flow
    def retrain(version: int = 0) -> None:
        fit(version)
"""


@pytest.fixture
def worker(workspace: Workspace, tmp_path: Path) -> Iterator[str]:
    """A process worker that polls a pool of its own, and records where the test does."""
    pool = f"pool-{uuid.uuid4().hex[:8]}"
    post("/work_pools/", {"name": pool, "type": "process"})
    with open(tmp_path / "worker.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"],
            env={**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "2"}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield pool
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)


def flow_runs(deployment: str, **also: Any) -> list[Any]:
    wanted = {"deployment_id": {"any_": [deployment]}, **also}
    found: list[Any] = post("/flow_runs/filter", {"flow_runs": wanted, "sort": "START_TIME_ASC"})
    return found


def completed(deployment: str) -> list[Any]:
    return flow_runs(deployment, state={"type": {"any_": ["COMPLETED"]}})


def test_the_clock_and_a_stage_start_a_deployment_whose_runs_are_tracked(
    workspace: Workspace, worker: str, tmp_path: Path
):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "flows.py").write_text(textwrap.dedent(FLOW))
    model = f"wine-{uuid.uuid4().hex[:8]}"
    loaded = flow.from_source(source=str(folder), entrypoint="flows.py:retrain")
    deployment = retraining(
        loaded,
        interval=30,
        cron="0 3 1 1 *",
        on=[on_stage_change(model, to="Production", parameters={"version": "{{ event.payload.version }}"})],
        work_pool_name=worker,
    )  # fmt: skip
    deployment_id = str(deployment.apply())

    (by_clock, *_) = until(lambda: completed(deployment_id), 240)
    run = workspace.runs.get(pipeline_run_id("prefect", by_clock["id"]))
    assert run.info.status is RunStatus.FINISHED
    assert run.data.tags["prefect.deployment_id"] == deployment_id
    assert run.data.params == {"version": "0"}

    # Somebody promotes a version by hand, and Prefect hears of it.
    registry = workspace.registry
    watch(workspace)
    version = registry.register(model, source="s3://b/m").version
    registry.transition(model, version, "Production")
    watch(workspace)

    def by_stage() -> list[Any]:
        return [
            one for one in completed(deployment_id) if one["created_by"]["type"] == "AUTOMATION"
        ]

    (started,) = until(by_stage, 240)
    assert started["parameters"] == {"version": version}
    run = workspace.runs.get(pipeline_run_id("prefect", started["id"]))
    assert run.data.params == {"version": str(version)}

    # A teller that has forgotten what it told starts nothing a second time.
    workspace.store.delete(f"watchers/{NAME}.json")
    watch(workspace, "--from-start")
    created = flow_runs(deployment_id)
    assert [
        one["id"] for one in created if (one["created_by"] or {}).get("type") == "AUTOMATION"
    ] == [started["id"]]


def watch(workspace: Workspace, *options: str) -> None:
    subprocess.run(
        [sys.executable, "-c", "from stageline.cli.main import main; main()",
         "--store", workspace.store.url, "watch", "prefect", "--once", *options],
        env=os.environ, check=True, timeout=200,
    )  # fmt: skip
