"""Projects as Jobs of a cluster, whose API is a real HTTP server here and whose pods are real processes."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jobs_api import FakeCluster
from processes import until

from stageline import RunStatus, Workspace
from stageline.domain.run import Run
from stageline.errors import InvalidInput, NotFound, RunFailed
from stageline.projects.kubernetes import TAG_JOB
from stageline.projects.kubernetes.outcome import outcome, trouble
from stageline.projects.launching import Exit


def on_cluster(
    workspace: Workspace, folder: Path, entry_point: str, config: dict[str, Any], **options: Any
) -> Run:
    submitted = workspace.projects.run(
        folder, entry_point, backend="kubernetes", backend_config=config, **options
    )
    return workspace.runs.get(submitted.run_id)


def test_job_logs_to_the_run_and_ends_it(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    run = on_cluster(workspace, folder, "main", config, parameters={"alpha": 0.25})
    assert run.info.status is RunStatus.FINISHED
    assert run.data.metrics == {"rmse": 0.25}
    assert run.data.params == {"alpha": "0.25"}
    assert run.data.tags["mlflow.project.backend"] == "kubernetes"
    kept = workspace.artifacts(run.info.run_id).read("project/output.txt").decode()
    assert kept == f"trained in {run.info.run_id} quick\n"
    job = cluster.jobs[run.data.tags[TAG_JOB]]
    assert job["metadata"]["name"].startswith("demand-forecast-")
    assert job["metadata"]["labels"] == {"team": "ml", "stageline/run-id": run.info.run_id}
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "team/forecast:1"
    assert container["command"] == ["bash", "-c", "python train.py 0.25"]
    assert container["resources"] == {"limits": {"memory": "512Mi"}}
    assert {one["name"] for one in container["env"]} >= {
        "STAGELINE_RUN_ID",
        "STAGELINE_STORE",
        "MODE",
    }
    assert not {"STAGELINE_CACHE", "STAGELINE_STORAGE_OPTIONS"} & {
        one["name"] for one in container["env"]
    }


@pytest.mark.parametrize(
    ("entry_point", "reason"),
    [
        ("fail", "exit code 3"),
        ("memory", "exit code 99: OOMKilled: it took more memory than its limit"),
    ],
)
def test_failure_of_the_job_is_the_runs(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any], entry_point: str, reason: str
) -> None:  # fmt: skip
    with pytest.raises(RunFailed):
        on_cluster(workspace, folder, entry_point, config)
    (run,) = workspace.search_runs(["0"])
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, reason)


def test_cancelling_deletes_the_job_and_ends_its_pods(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    submitted = workspace.projects.run(
        folder, "wait", backend="kubernetes", backend_config=config, synchronous=False
    )
    until(lambda: any(pod.lines for pod in cluster.pods.values()), "the pod runs")
    (pod,) = cluster.pods.values()
    submitted.cancel("enough")
    assert cluster.jobs == {}
    assert pod.code == 143
    run = workspace.runs.get(submitted.run_id)
    assert (run.info.status, run.info.reason) == (RunStatus.KILLED, "enough")


def test_job_that_somebody_deletes_is_killed(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    submitted = workspace.projects.run(
        folder, "wait", backend="kubernetes", backend_config=config, synchronous=False
    )
    until(lambda: bool(cluster.pods), "the Job is there")
    (name,) = cluster.jobs
    cluster.deleting.add(name)
    cluster.pods[name].end()
    assert not submitted.wait()
    assert submitted.get_status() == "KILLED"


def test_lost_answers_and_a_cluster_that_is_away_cost_nothing(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    cluster.loses_answer_of_create = True
    cluster.troubles = [503, 500]
    cluster.cuts_logs = 7
    run = on_cluster(workspace, folder, "many", config)
    assert run.info.status is RunStatus.FINISHED
    assert len(cluster.jobs) == 1
    kept = workspace.artifacts(run.info.run_id).read("project/output.txt").decode()
    assert kept.splitlines() == [f"line {number}" for number in range(1, 51)]


def test_refused_credentials_and_unknown_contexts_are_told(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with pytest.raises(NotFound, match="no way into a cluster by"):
        on_cluster(workspace, folder, "fail", {**config, "kube-context": "moon"})
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path / "other", token="wrong")))
    with pytest.raises(RunFailed, match=r"answers 401 Unauthorized.*Log in again"):
        on_cluster(workspace, folder, "fail", config)
    assert {run.info.status for run in workspace.search_runs(["0"])} == {RunStatus.FAILED}
    assert cluster.jobs == {}


def test_namespace_that_is_not_there_is_told(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    with pytest.raises(RunFailed, match="answers 404"):
        on_cluster(workspace, folder, "fail", {**config, "namespace": "moon"})


def test_image_that_can_not_be_pulled_is_told_while_it_waits(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any]
) -> None:
    (folder / "MLproject").write_text(
        "docker_env: {image: 'gone:1'}\nentry_points: {main: {command: 'true'}}\n"
    )
    said: list[str] = []
    submitted = workspace.projects.run(
        folder, backend="kubernetes", backend_config=config, synchronous=False, say=said.append
    )
    until(lambda: any("ErrImagePull" in line for line in said), "the trouble is told")
    submitted.cancel()
    assert submitted.get_status() == "KILLED"


def test_secrets_of_the_store_come_from_the_cluster_alone(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any], tmp_path: Path
) -> None:
    options = {"secret": "hush-hush"}
    cluster.secrets["store/options"] = base64.b64encode(b"{}").decode()
    secretive = Workspace.open(
        workspace.settings.store, cache=str(tmp_path / "cache"), storage_options=lambda: options
    )
    with pytest.raises(InvalidInput, match="storage-options-secret"):
        on_cluster(secretive, folder, "main", config)
    run = on_cluster(
        secretive, folder, "main", {**config, "storage-options-secret": "store/options"}
    )
    assert run.info.status is RunStatus.FINISHED
    assert "hush-hush" not in json.dumps(cluster.jobs)


DOCKER = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$1" in
  build) for last; do :; done; grep -h FROM "${4#--file=}" >> "$CALLS"; ls "$last" >> "$CALLS" ;;
  image) case "$*" in *RepoDigests*) echo other/x@sha256:00; echo reg/team@sha256:ab ;; *) echo sha256:cd ;; esac ;;
esac
"""


def test_image_with_the_code_is_built_pushed_and_named_by_its_digest(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    docker, calls = tmp_path / "bin" / "docker", tmp_path / "calls"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))
    run = on_cluster(workspace, folder, "main", {**config, "repository-uri": "reg/team"})
    said = calls.read_text()
    assert "FROM team/forecast:1\n" in said
    assert "train.py" in said
    assert "push --quiet reg/team:" in said
    container = cluster.jobs[run.data.tags[TAG_JOB]]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "reg/team@sha256:ab"
    assert container["workingDir"] == "/mlflow/projects/code"
    assert run.data.tags["mlflow.docker.image.uri"] == "reg/team@sha256:ab"


def test_dry_run_shows_the_manifest_and_reaches_nobody(
    workspace: Workspace, folder: Path, config: dict[str, Any]
) -> None:
    told = workspace.projects.describe(
        folder,
        "main",
        backend="kubernetes",
        backend_config={**config, "repository-uri": "reg/team"},
    )
    manifest = yaml.safe_load(told)
    assert manifest["kind"] == "Job"
    assert manifest["metadata"]["namespace"] == "ml"
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].startswith("reg/team:")
    assert container["command"] == ["bash", "-c", "python train.py 0.5"]


@pytest.mark.parametrize(
    ("change", "entry_point", "match"),
    [
        ({"kube-contxt": "x"}, "main", "knows no 'kube-contxt'"),
        ({"poll-s": "x"}, "main", "poll-s is a number of seconds"),
        ({"kube-job-template-path": ""}, "main", "kube-job-template-path is a text"),
        ({"storage-options-secret": "x"}, "main", "the name of a Secret and a key"),
        ({}, "secret", "a parameter is secret.*login"),
        ({}, "path", "a file on this machine, which a Job does not see: declare it as uri"),
    ],
)
def test_what_would_not_run_or_would_tell_secrets_is_refused(
    workspace: Workspace, folder: Path, cluster: FakeCluster, config: dict[str, Any],
    change: dict[str, Any], entry_point: str, match: str,
) -> None:  # fmt: skip
    given = {"db_password": "hunter2"} if entry_point == "secret" else {}
    with pytest.raises(InvalidInput, match=match) as caught:
        on_cluster(workspace, folder, entry_point, {**config, **change}, parameters=given)
    assert "hunter2" not in str(caught.value)
    assert cluster.requests == []


def test_store_on_this_machine_has_to_be_mounted(
    workspace: Workspace, folder: Path, config: dict[str, Any]
) -> None:
    del config["kube-job-template-path"]
    with pytest.raises(InvalidInput, match="a folder on this machine, which a Job does not see"):
        on_cluster(workspace, folder, "main", config)


@pytest.mark.parametrize("text", ["kind: Job", "kind: Pod\napiVersion: v1", "[]", "a: [b"])
def test_template_that_is_none_is_refused(
    workspace: Workspace, folder: Path, config: dict[str, Any], text: str
) -> None:
    Path(config["kube-job-template-path"]).write_text(text)
    with pytest.raises(ValueError, match=r"is no template of a Job|YAML|should"):
        workspace.projects.describe(folder, "main", backend="kubernetes", backend_config=config)


def test_project_without_an_image_is_refused(
    workspace: Workspace, folder: Path, config: dict[str, Any]
) -> None:
    (folder / "MLproject").unlink()
    with pytest.raises(InvalidInput, match="add docker_env to its MLproject file"):
        on_cluster(workspace, folder, "train.py", config)


def _failed(reason: str) -> dict[str, Any]:
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": "m"}
    return {"status": {"conditions": [condition]}}


def _ended(code: int, message: str | None = None) -> dict[str, Any]:
    terminated = {"exitCode": code, "reason": "Error", "message": message}
    return {
        "status": {"phase": "Failed", "containerStatuses": [{"state": {"terminated": terminated}}]}
    }


@pytest.mark.parametrize(
    ("job", "pods", "exit_"),
    [
        ({"status": {}}, [], None),
        ({}, [], None),
        (_failed("DeadlineExceeded"), [_ended(143)], Exit(None, None, "DeadlineExceeded: m")),
        (_failed("BackoffLimitExceeded"), [_ended(2, "a\nbad\n")], Exit(2, None, "bad")),
        (_failed("BackoffLimitExceeded"), [_ended(137)], Exit(137, "SIGKILL", None)),
        (
            _failed("BackoffLimitExceeded"),
            [{"status": {"reason": "Evicted", "phase": "Failed"}}],
            Exit(None, None, "Evicted: BackoffLimitExceeded: m"),
        ),
        (_failed("BackoffLimitExceeded"), [], Exit(None, None, "BackoffLimitExceeded: m")),
    ],
)
def test_end_of_a_job_is_read_from_it_and_its_pods(
    job: dict[str, Any], pods: list[dict[str, Any]], exit_: Exit | None
) -> None:
    assert outcome(job, pods) == exit_


def test_pod_that_no_node_takes_is_trouble() -> None:
    condition = {"reason": "Unschedulable", "message": "0/3 nodes"}
    assert trouble([{"status": {"conditions": [condition]}}]) == "Unschedulable: 0/3 nodes"
    assert trouble([{"status": {}}]) is None
