"""Runs that are left after their Job was accepted, and taken up by somebody else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobs_api import FakeCluster
from processes import until

from stageline import RunStatus, Workspace
from stageline.errors import InvalidInput, StorageFailed

MakeProject = Callable[..., Path]
CHOSEN: dict[str, Any] = {"backend": "kubernetes"}
SUBMIT = """
import json, sys
from stageline import Workspace
store, cache, folder, entry_point, config = sys.argv[1:]
workspace = Workspace.open(store, cache=cache)
submitted = workspace.projects.submit(folder, entry_point, backend="kubernetes", backend_config=json.loads(config))
print(json.dumps([submitted.run_id, submitted.reference, submitted.get_status()]))
"""


@pytest.fixture
def submitted_by_one_who_is_gone(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any], tmp_path: Path
) -> Callable[[str], tuple[str, dict[str, Any]]]:
    def submit(entry_point: str) -> tuple[str, dict[str, Any]]:
        store, cache = workspace.settings.store, str(tmp_path / "elsewhere")
        command = [sys.executable, "-c", SUBMIT, store, cache, str(folder), entry_point]
        done = subprocess.run(
            [*command, json.dumps(config)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        run_id, reference, status = json.loads(done.stdout.splitlines()[-1])
        assert status == "SCHEDULED"
        return run_id, reference

    return submit


Gone = Callable[[str], tuple[str, dict[str, Any]]]


def test_run_is_taken_up_by_another_process_after_its_submitter_is_gone(
    workspace: Workspace, submitted_by_one_who_is_gone: Gone, config: dict[str, Any]
) -> None:
    run_id, reference = submitted_by_one_who_is_gone("main")
    attached = workspace.projects.attach(run_id, reference, backend_config=config, **CHOSEN)
    assert attached.wait()
    assert attached.reference == reference
    run = workspace.runs.get(run_id)
    assert run.info.status is RunStatus.FINISHED
    assert run.data.metrics == {"rmse": 0.5}
    kept = workspace.artifacts(run_id).read("project/output.txt").decode()
    assert kept == f"trained in {run_id} quick\n"
    assert len(workspace.search_runs(["0"])) == 1


def test_run_waits_while_nobody_is_attached(
    workspace: Workspace, submitted_by_one_who_is_gone: Gone, cluster: FakeCluster, config: dict[str, Any]
) -> None:  # fmt: skip
    run_id, reference = submitted_by_one_who_is_gone("wait")
    until(lambda: any(pod.lines for pod in cluster.pods.values()), "the pod runs")
    assert workspace.runs.get(run_id).info.status is RunStatus.SCHEDULED
    assert workspace.projects.look(run_id, reference, backend_config=config, **CHOSEN) is None
    (pod,) = cluster.pods.values()
    attached = workspace.projects.attach(run_id, reference, backend_config=config, **CHOSEN)
    attached.cancel("enough")
    run = workspace.runs.get(run_id)
    assert (run.info.status, run.info.reason) == (RunStatus.KILLED, "enough")
    assert cluster.jobs == {}
    assert pod.code == 143


def test_failure_is_the_runs_though_nobody_watched_it(
    workspace: Workspace, submitted_by_one_who_is_gone: Gone, config: dict[str, Any]
) -> None:
    run_id, reference = submitted_by_one_who_is_gone("fail")
    until(
        lambda: workspace.projects.look(run_id, reference, backend_config=config, **CHOSEN) is not None,
        "the Job is over",
    )  # fmt: skip
    seen = workspace.projects.look(run_id, reference, backend_config=config, **CHOSEN)
    assert seen is not None
    assert seen["code"] == 3
    assert not workspace.projects.attach(run_id, reference, backend_config=config, **CHOSEN).wait()
    run = workspace.runs.get(run_id)
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "exit code 3")


@pytest.mark.parametrize(
    ("seen", "status"), [({"code": 0}, RunStatus.FINISHED), (None, RunStatus.KILLED)]
)
def test_job_that_is_gone_ended_as_it_was_seen_to(
    workspace: Workspace, submitted_by_one_who_is_gone: Gone, cluster: FakeCluster, config: dict[str, Any],
    seen: dict[str, Any] | None, status: RunStatus,
) -> None:  # fmt: skip
    run_id, reference = submitted_by_one_who_is_gone("main")
    until(
        lambda: workspace.projects.look(run_id, reference, backend_config=config, **CHOSEN) is not None,
        "the Job is over",
    )  # fmt: skip
    cluster.jobs.clear()
    workspace.projects.attach(run_id, reference, seen=seen, backend_config=config, **CHOSEN).wait()
    assert workspace.runs.get(run_id).info.status is status


def test_reference_is_plain_and_holds_no_secrets(
    workspace: Workspace, submitted_by_one_who_is_gone: Gone, config: dict[str, Any]
) -> None:
    run_id, reference = submitted_by_one_who_is_gone("main")
    assert set(reference) == {"namespace", "job", "container"}
    assert workspace.projects.attach(run_id, reference, backend_config=config, **CHOSEN).wait()


def test_left_run_is_waited_for_by_attaching_alone(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    submitted = workspace.projects.submit(folder, "main", backend_config=config, **CHOSEN)
    for use in (submitted.wait, submitted.cancel):
        with pytest.raises(InvalidInput, match="attach"):
            use()
    assert submitted.reference is not None
    run_id, reference = submitted.run_id, submitted.reference
    assert workspace.projects.attach(run_id, reference, backend_config=config, **CHOSEN).wait()


def test_job_that_is_not_accepted_fails_its_run(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    with pytest.raises((StorageFailed, LookupError), match="answers 404"):
        workspace.projects.submit(
            folder, "main", backend_config={**config, "namespace": "moon"}, **CHOSEN
        )
    (run,) = workspace.search_runs(["0"])
    assert run.info.status is RunStatus.FAILED


def test_what_ends_with_its_process_is_not_left(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(InvalidInput, match="backend 'local' runs ends with the process"):
        workspace.projects.submit(folder, "main")
    with pytest.raises(InvalidInput, match="backend 'local' runs ends with the process"):
        workspace.projects.attach("0" * 32, {})
    assert workspace.search_runs(["0"]) == []


def test_what_is_no_reference_is_refused(
    workspace: Workspace, submitted_by_one_who_is_gone: Gone, config: dict[str, Any]
) -> None:
    run_id, reference = submitted_by_one_who_is_gone("main")
    with pytest.raises(InvalidInput, match="found again by its namespace, job, container"):
        workspace.projects.attach(run_id, {"pid": 7}, backend_config=config, **CHOSEN)
    assert workspace.runs.get(run_id).info.status in (RunStatus.SCHEDULED, RunStatus.FINISHED)
    workspace.projects.attach(run_id, reference, backend_config=config, **CHOSEN).wait()


def test_steps_are_not_left_to_run_elsewhere(
    workspace: Workspace, make_project: MakeProject, config: dict[str, Any]
) -> None:
    folder = make_project(
        MLproject="steps: [{name: a, entry_point: a.sh, outputs: [a.txt]}]", a_sh="echo a > a.txt"
    )
    with pytest.raises(InvalidInput, match="name one entry point, or wait"):
        workspace.projects.submit(folder, backend_config=config, **CHOSEN)
    assert workspace.search_runs(["0"]) == []
