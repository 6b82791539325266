"""A store that is away costs the training nothing: the log on this machine takes over, and `sync` ships it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from processes import until

from stageline import MetricPoint, Workspace
from stageline.clock import SYSTEM_CLOCK
from stageline.domain.run import RunStatus
from stageline.errors import StorageFailed, Unauthorized
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.counting import CountingStore
from stageline.tracking.pulse import Beat


class SwitchedStore(CountingStore):
    """Answers, or fails with `trouble`."""

    trouble: Exception | None = None

    def _note(self, verb, key):  # type: ignore[no-untyped-def,override]
        super()._note(verb, key)
        if self.trouble is not None:
            raise self.trouble


def away() -> StorageFailed:
    return StorageFailed("no route to the store")


def opened(store: ObjectStore, spool: Path, **given: float) -> Workspace:
    settings = Settings(
        spool=str(spool), cache=str(spool / "cache"), **{"end_timeout_s": 0.0, **given}
    )  # type: ignore[arg-type]
    workspace = Workspace(store, settings, SYSTEM_CLOCK)
    # A memory store dies with its process, so its spool does too; here it stands for a bucket.
    workspace.spool = workspace.runs._spool = workspace.runs.reaper._spool = spool
    return workspace


@pytest.fixture
def store(tmp_path: Path) -> SwitchedStore:
    return SwitchedStore(MemoryStore(f"memory://{tmp_path.name}"))


def test_run_survives_a_store_that_is_away_from_start_to_end(
    store: SwitchedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = opened(store, tmp_path)
    store.trouble = away()
    caplog.set_level(logging.WARNING, "stageline")
    with workspace.runs.create(experiment_name="wine", run_name="offline") as run:
        run.log_param("alpha", 0.5)
        run.log_points([MetricPoint("loss", 0.1 * i, i, i) for i in range(500)])
    assert [r for r in caplog.records if "is away" in r.message].__len__() == 1, "one warning"
    assert "stageline sync" in caplog.text
    with pytest.raises(StorageFailed):
        workspace.runs.get(run.run_id)

    store.trouble = None
    (shipped,) = workspace.sync()
    assert (shipped.run_id, shipped.reason) == (run.run_id, None)
    found = opened(store, tmp_path / "other").runs.get(run.run_id)
    assert found.info.status is RunStatus.FINISHED
    assert found.info.run_name == "offline"
    assert workspace.experiments.get(found.info.experiment_id).name == "wine"
    assert found.data.params == {"alpha": "0.5"}
    assert len(workspace.runs.metric_history(run.run_id, "loss")) == 500
    assert workspace.sync() == []


def test_credentials_that_expire_in_mid_run_cost_nothing(
    store: SwitchedStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path)
    with workspace.runs.create() as run:
        run.log_metric("loss", 1.0, 0)
        run.flush()
        store.trouble = Unauthorized("the token has expired")
        run.log_metric("loss", 0.5, 1)
        with pytest.raises(Unauthorized):
            run.flush()
    store.trouble = None
    workspace.sync()
    assert [p.value for p in workspace.runs.metric_history(run.run_id, "loss")] == [1.0, 0.5]
    assert workspace.runs.get(run.run_id).info.status is RunStatus.FINISHED


def test_store_that_comes_back_gets_it_all_before_the_run_ends(
    store: SwitchedStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path, flush_s=0.0, end_timeout_s=30.0)
    store.trouble = away()
    run = workspace.runs.create()
    run.log_metric("loss", 1.0)
    store.trouble = None
    until(lambda: len(store.list(f"runs/{run.run_id}/log/")) >= 2, "the background thread ships")
    run.end()
    assert workspace.sync() == []
    assert workspace.runs.get(run.run_id).info.status is RunStatus.FINISHED


def test_artifact_that_the_store_did_not_take_is_shipped_later(
    store: SwitchedStore, tmp_path: Path
) -> None:
    workspace = opened(store, tmp_path / "spool")
    (tmp_path / "model.bin").write_bytes(b"weights" * 1000)
    with workspace.runs.create() as run:
        store.trouble = away()
        workspace.artifacts(run.run_id).log_file(tmp_path / "model.bin")
    store.trouble = None
    workspace.sync()
    artifacts = opened(store, tmp_path / "other").artifacts(run.run_id)
    assert artifacts.read("model.bin") == b"weights" * 1000
    assert artifacts.list()[0].sha256 is not None


def test_two_processes_resuming_one_run_lose_nothing(store: SwitchedStore, tmp_path: Path) -> None:
    first = opened(store, tmp_path / "one")
    second = opened(store, tmp_path / "two")
    with first.runs.create() as run:
        run.log_metric("loss", 1.0, 0)
    resumed = [first.runs.resume(run.run_id), second.runs.resume(run.run_id)]
    for number, again in enumerate(resumed):
        for step in range(100):
            again.log_metric(f"writer{number}", float(step), step)
    for again in resumed:
        again.end()
    found = second.runs.get(run.run_id)
    assert found.data.metrics == {"loss": 1.0, "writer0": 99.0, "writer1": 99.0}
    for number in range(2):
        assert len(first.runs.metric_history(run.run_id, f"writer{number}")) == 100


def test_heartbeat_that_comes_after_the_end_says_nothing(
    store: SwitchedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = opened(store, tmp_path, flush_s=0.0)
    run = workspace.runs.create()
    beat = Beat(run.stream, workspace.settings, workspace.runs.warn_away)
    run.end()
    beat.step()
    assert caplog.text == ""
    assert workspace.runs.get(run.run_id).info.status is RunStatus.FINISHED


def test_log_that_is_removed_under_a_run_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = Workspace.open(tmp_path / "store", heartbeat_s=0.0)
    with caplog.at_level(logging.WARNING, "stageline"):
        run = workspace.runs.create()
        shutil.rmtree(tmp_path / "store")
        until(lambda: "is gone" in caplog.text, "the heartbeat misses its log")
        with pytest.raises(StorageFailed, match="is gone"):
            run.end()
    assert caplog.text.count("is gone") == 1
