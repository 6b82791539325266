"""A store that an old version wrote is opened by today's code, searched, written on, and still what it was.

The stores lie in `fixtures/stores/`; `write.py` there made them, and says with which code. Spools that a process of
then left on its machine for a store that was away lie in `fixtures/spools/`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from servers import S3Server

from stageline.domain.run import RunStatus, ViewType
from stageline.storage.probe import read_format
from stageline.workspace import Workspace

STORES = Path(__file__).parent / "fixtures" / "stores"
SPOOLS = STORES.with_name("spools")
WITH_FILES = "d31849b"
COMMITS = ("397b2a9", WITH_FILES)


def unpacked(zipped: Path, folder: Path) -> Workspace:
    with ZipFile(zipped) as opened:
        opened.extractall(folder / "store")
    return reopened(folder)


def reopened(folder: Path) -> Workspace:
    return Workspace.open(folder / "store", cache=str(folder / "cache"), user="bob")


def check_what_was_written(workspace: Workspace) -> None:
    experiment = workspace.experiments.get_by_name("red wine")
    assert experiment.tags == {"team": "red"}
    assert workspace.experiments.find_by_name("wine") is None
    assert workspace.experiments.creator(experiment.experiment_id) == "ada"
    found = workspace.search_runs(
        [experiment.experiment_id], "metrics.rmse < 9 AND tags.quality = 'good'", ViewType.ALL
    )
    assert {run.info.run_name for run in found} >= {"sweep 0.1", "sweep 0.2"}
    for alpha in ("0.1", "0.2"):
        run = next(run for run in found if run.data.params["alpha"] == alpha)
        assert run == workspace.runs.get(run.info.run_id)
        assert run.info.status is RunStatus.FINISHED
        assert run.data.metrics == {"rmse": float(alpha), "loss": 0.01}
        history = workspace.runs.metric_history(run.info.run_id, "loss")
        assert [point.step for point in history] == list(range(100))
        assert [point.value for point in history] == [1 / (n + 1) for n in range(100)]


def check_it_can_be_written_on(workspace: Workspace) -> None:
    experiment = workspace.experiments.get_by_name("red wine")
    old = workspace.search_runs([experiment.experiment_id], "params.alpha = '0.1'")[0].info.run_id
    workspace.runs.set_tags(old, {"seen": "yes"})
    with workspace.runs.create(experiment.experiment_id, run_name="new") as run:
        run.log_metrics({"rmse": 0.05})
        workspace.artifacts(run.run_id).log_text("flavors: {f: {}}\n", "model/MLmodel")
    version = workspace.registry.register("wine", run_id=run.run_id, artifact_path="model")
    workspace.registry.transition("wine", version.version, "Production")
    best = workspace.search_runs([experiment.experiment_id], order_by=["metrics.rmse ASC"])[0]
    assert best.info.run_id == run.run_id
    assert workspace.runs.get(old).data.tags["seen"] == "yes"
    index = workspace.index.index(experiment.experiment_id)
    assert index.rebuild(lambda: workspace.runs.summaries(experiment.experiment_id))
    assert len(workspace.search_runs([experiment.experiment_id])) == 3
    assert read_format(workspace.store) is not None


@pytest.mark.parametrize("commit", COMMITS)
def test_store_of_an_old_version_reads_as_it_was_written(commit: str, tmp_path: Path) -> None:
    check_what_was_written(unpacked(STORES / f"{commit}.zip", tmp_path))


@pytest.mark.parametrize("commit", COMMITS)
def test_log_that_a_dead_process_of_then_left_is_ended_and_found(
    commit: str, tmp_path: Path
) -> None:
    workspace = unpacked(STORES / f"{commit}.zip", tmp_path)
    experiment = workspace.experiments.get_by_name("red wine").experiment_id
    (log, *_) = (tmp_path / "store" / "runs").glob("*/log/*.wal")
    log.with_name(f"{log.stem}.end.json").unlink()
    (inbox,) = (tmp_path / "store" / "index" / experiment / "inbox").glob(f"*{log.stem}.json")
    os.utime(inbox.rename(inbox.with_suffix(".live")), (0, 0))
    torn = log.read_bytes()
    log.write_bytes(torn[: torn.rindex(b"FINISHED") - 20])
    for path in log.parent.iterdir():
        os.utime(path, (0, 0))  # nothing has been heard of it for long
    run = workspace.runs.get(log.parts[-3])
    assert (run.info.status, run.data.metrics["loss"]) == (RunStatus.KILLED, 0.01)
    found = workspace.search_runs([experiment], "metrics.loss = 0.01")
    assert run.info.run_id in {one.info.run_id for one in found}


@pytest.mark.parametrize("commit", COMMITS)
def test_store_of_an_old_version_is_written_on_and_keeps_what_it_had(
    commit: str, tmp_path: Path
) -> None:
    check_it_can_be_written_on(unpacked(STORES / f"{commit}.zip", tmp_path))
    check_what_was_written(reopened(tmp_path))


def test_files_that_an_old_version_stored_pass_their_checks(tmp_path: Path) -> None:
    workspace = unpacked(STORES / f"{WITH_FILES}.zip", tmp_path)
    experiment = workspace.experiments.get_by_name("red wine")
    for run in workspace.search_runs([experiment.experiment_id]):
        files = workspace.artifacts(run.info.run_id)
        assert files.read("notes/then.txt") == b"as it was"
        assert set(workspace.runs.files(run.info.run_id)) == {"notes/then.txt", "labels.json"}
        assert (Path(files.download("", str(tmp_path / "down"))) / "labels.json").is_file()


@pytest.mark.parametrize("spool", sorted(SPOOLS.glob("*.zip")), ids=lambda path: str(path.stem))
def test_spool_that_an_old_version_left_is_shipped(
    spool: Path, tmp_path: Path, moto_server: S3Server
) -> None:
    moto_server.fs.call_s3("create_bucket", Bucket="a-spool-of-then")
    workspace = Workspace.open(
        "s3://a-spool-of-then/place",
        storage_options=moto_server.options,
        spool=str(tmp_path / "spool"),
        cache=str(tmp_path / "cache"),
    )
    with ZipFile(spool) as opened:
        opened.extractall(tmp_path / "spool")
    ((run_id, _, reason),) = workspace.sync()
    assert reason is not None
    run = workspace.runs.get(run_id)
    assert (run.info.status, run.info.run_name) == (RunStatus.KILLED, "offline")
    assert run.data.params == {"alpha": "0.5"}
    assert run.data.tags["team"] == "red"
    assert workspace.experiments.get(run.info.experiment_id).name == "wine"
    history = workspace.runs.metric_history(run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(n, 1 / (n + 1)) for n in range(50)]
    assert workspace.artifacts(run_id).read("notes/then.txt") == b"as it was"
    assert [path for path in (tmp_path / "spool").rglob("*") if path.is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("commit", COMMITS)
def test_code_of_then_still_writes_what_today_reads(commit: str, tmp_path: Path) -> None:
    is_here = subprocess.run(
        ["git", "cat-file", "-e", commit], cwd=STORES, capture_output=True, check=False
    )
    if is_here.returncode:
        pytest.skip(f"this clone has no commit {commit}: fetch the whole history")
    made = tmp_path / "made.zip"
    subprocess.run([sys.executable, str(STORES / "write.py"), commit, str(made)], check=True)
    workspace = unpacked(made, tmp_path)
    check_what_was_written(workspace)
    check_it_can_be_written_on(workspace)
