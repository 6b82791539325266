"""A full disk: a clear error, nothing lost that a call returned for, and work goes on when there is room."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stageline import ActiveRun, Workspace
from stageline.domain.run import RunStatus
from stageline.errors import StorageFailed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"this machine mounts no tmpfs: {mounted.stderr.decode().strip()}")
    yield disk
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.umount2(str(disk).encode(), 2) == 0  # MNT_DETACH


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return ballast


def log_until_full(run: ActiveRun, logged: list[int]) -> None:
    """Log until the disk takes no more; `logged` holds the steps of the calls that returned."""
    while True:
        run.log_metric("loss", 1.0, len(logged))
        logged.append(len(logged))


def test_logging_to_a_full_disk_says_so_and_keeps_what_was_logged(small_disk: Path) -> None:
    workspace = Workspace.open(small_disk / "store")
    run = workspace.runs.create()
    logged: list[int] = []
    with pytest.raises(StorageFailed, match=r"No space left on device.*logged before is kept"):
        log_until_full(run, logged)
    assert len(logged) > 1000
    points = workspace.runs.metric_history(run.run_id, "loss")
    assert [point.step for point in points] == logged


def test_run_goes_on_when_there_is_room_again(small_disk: Path) -> None:
    workspace = Workspace.open(small_disk / "store")
    with workspace.runs.create() as run:
        ballast = fill(small_disk)
        logged: list[int] = []
        with pytest.raises(StorageFailed):
            log_until_full(run, logged)  # the log's last page may have room left
        ballast.unlink()
        run.log_metric("loss", 0.5, len(logged))
    found = workspace.runs.get(run.run_id)
    assert (found.info.status, found.data.metrics) == (RunStatus.FINISHED, {"loss": 0.5})
    assert len(workspace.runs.metric_history(run.run_id, "loss")) == len(logged) + 1


def test_run_that_could_not_say_its_last_word_is_marked_by_whoever_looks(small_disk: Path) -> None:
    workspace = Workspace.open(small_disk / "store")
    run = workspace.runs.create()
    ballast = fill(small_disk)
    logged: list[int] = []
    with pytest.raises(StorageFailed):
        log_until_full(run, logged)
    with pytest.raises(StorageFailed):
        run.end("FAILED", "the disk is full")
    ballast.unlink()
    found = Workspace.open(small_disk / "store").runs.get(run.run_id)
    assert found.info.status in (RunStatus.FAILED, RunStatus.KILLED)
    assert len(workspace.runs.metric_history(run.run_id, "loss")) == len(logged)


def test_run_can_not_begin_on_a_full_disk_and_leaves_nothing(small_disk: Path) -> None:
    workspace = Workspace.open(small_disk / "store")
    with workspace.runs.create():
        pass
    before = sorted(path for path in (small_disk / "store").rglob("*") if path.is_file())
    ballast = fill(small_disk)
    with pytest.raises(StorageFailed, match="No space left"):
        workspace.runs.create()
    ballast.unlink()
    after = sorted(path for path in (small_disk / "store").rglob("*") if path.is_file())
    assert after == before
