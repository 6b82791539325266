"""A project that runs in a cluster while no worker waits for it: the trigger, and the task around it."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "projects"))

from cluster_project import PROJECT, TEMPLATE, TRAIN
from jobs_api import FakeCluster

from airflow_provider_stageline.project_trigger import ProjectJobTrigger
from stageline.workspace import Workspace

WITHIN_S = 60.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(textwrap.dedent(PROJECT))
    (folder / "train.py").write_text(textwrap.dedent(TRAIN))
    return folder


@pytest.fixture
def kubeconfig(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = str(cluster.kubeconfig(tmp_path / "kubeconfig"))
    monkeypatch.setenv("KUBECONFIG", path)
    return path


@pytest.fixture
def cluster(project: Path) -> Iterator[FakeCluster]:
    server = FakeCluster(project)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.close()
    thread.join()


@pytest.fixture
def config(workspace: Workspace, tmp_path: Path) -> dict[str, Any]:
    template = tmp_path / "job.yaml"
    template.write_text(TEMPLATE.replace("STORE", str(Path(workspace.settings.store).parent)))
    return {"kube-job-template-path": str(template), "kube-context": "tests", "poll-s": 0.05}


def dag(project: Path, kubeconfig: str, **options: Any) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return textwrap.dedent(f"""
        import os
        from airflow.sdk import dag
        from airflow_provider_stageline.operators.projects import RunProjectOperator

        os.environ.update(KUBECONFIG={kubeconfig!r}, MODE="quick")

        @dag
        def pipeline():
            RunProjectOperator(
                task_id="train", project_uri={str(project)!r}, experiment="tiny", deferrable=True,
                poll_interval_s=0.05{given}
            )

        pipeline()
    """)


def runs_of(workspace: Workspace) -> list[Any]:
    experiment = workspace.experiments.get_by_name("tiny").experiment_id
    return [
        run for run in workspace.search_runs([experiment]) if "airflow.task_id" in run.data.tags
    ]


def test_a_deferred_project_is_one_run_that_its_job_ends(
    dag_runs, workspace, project, cluster, kubeconfig, config
):
    text = dag(
        project,
        kubeconfig,
        backend="kubernetes",
        backend_config=config,
        parameters={"alpha": 0.25},
    )
    found = dag_runs.run(text)

    assert found["state"] == "success", dag_runs.log
    (run,) = runs_of(workspace)
    assert str(run.info.status) == "FINISHED"
    assert run.data.metrics == {"rmse": 0.25}
    assert [str(one.status) for one in run.attempts] == ["FINISHED"]
    assert len(cluster.jobs) == 1
    kept = workspace.artifacts(run.info.run_id).read("project/output.txt").decode()
    assert kept == f"trained in {run.info.run_id} quick\n"


def test_a_deferred_project_that_fails_fails_its_task(
    dag_runs, workspace, project, cluster, kubeconfig, config
):
    text = dag(project, kubeconfig, backend="kubernetes", backend_config=config, entry_point="fail")
    found = dag_runs.run(text)

    assert found["state"] == "failed", dag_runs.log
    (run,) = runs_of(workspace)
    assert (str(run.info.status), run.info.reason) == ("FAILED", "exit code 3")


def test_what_runs_on_the_worker_is_not_deferred_and_says_why(
    dag_runs, workspace, project, cluster, kubeconfig
):
    found = dag_runs.run(dag(project, kubeconfig, entry_point="fail"))

    assert found["state"] == "failed"
    (run,) = runs_of(workspace)
    assert "backend 'local' runs ends with the process" in run.info.reason


@pytest.fixture
def waiting(
    workspace: Workspace, project: Path, kubeconfig: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> ProjectJobTrigger:  # fmt: skip
    """The trigger of a command that does not end by itself, as it comes back from the database."""
    monkeypatch.setenv("MODE", "quick")
    told = {"conn_type": "stageline", "host": str(workspace.store.url)}
    monkeypatch.setenv("AIRFLOW_CONN_STAGELINE_DEFAULT", json.dumps(told))
    submitted = workspace.projects.submit(
        project, "wait", backend="kubernetes", backend_config=config
    )
    first = ProjectJobTrigger(
        submitted.run_id, submitted.reference, "kubernetes", config, poll_interval_s=0.02
    )
    path, given = first.serialize()
    assert path == "airflow_provider_stageline.project_trigger.ProjectJobTrigger"
    return ProjectJobTrigger(**json.loads(json.dumps(given)))


async def event_of(trigger: ProjectJobTrigger) -> Any:
    async for event in trigger.run():
        return event.payload
    return None


def test_a_triggerer_that_restarts_leaves_the_job_alone_and_waits_on(workspace, cluster, waiting):
    async def restart() -> Any:
        first = asyncio.create_task(event_of(waiting))
        while len(cluster.requests) < 6:
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await waiting.cleanup()
        assert len(cluster.jobs) == 1
        cluster.troubles = [503]  # and the cluster is away for a moment
        second = asyncio.create_task(event_of(ProjectJobTrigger(**waiting.serialize()[1])))
        for pod in cluster.pods.values():
            pod.end()
        return await second

    ended = asyncio.run(asyncio.wait_for(restart(), WITHIN_S))
    assert ended["exit"]["signal"] == "SIGTERM"
    assert str(workspace.runs.get(waiting.run_id).info.status) == "SCHEDULED"


def test_a_deferred_task_that_a_user_kills_ends_its_job(workspace, cluster, waiting):
    asyncio.run(asyncio.wait_for(waiting.on_kill(), WITHIN_S))

    assert cluster.jobs == {}
    run = workspace.runs.get(waiting.run_id)
    assert (str(run.info.status), run.info.reason) == ("KILLED", "the task was killed")


def test_a_job_that_the_triggerer_can_not_see_is_handed_back_to_a_worker(waiting, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    event = asyncio.run(asyncio.wait_for(event_of(waiting), WITHIN_S))

    assert event["exit"] is None
    assert "no way into a cluster" in event["trouble"]
