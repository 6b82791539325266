"""A store that may only be read: what is there is shown, and what would change it fails, and leaves it as it was."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stageline import Workspace
from stageline.errors import StorageFailed


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one run and one version of a model."""
    folder = tmp_path / "store"
    workspace = Workspace.open(folder, cache=str(tmp_path / "first"))
    with workspace.runs.create(run_name="done") as run:
        run.log_metric("loss", 0.5)
    workspace.artifacts(run.run_id).log_text("flavors: {f: {}}\n", "model/MLmodel")
    workspace.registry.register("wine", run.run_id, "model")
    return folder


@pytest.fixture
def read_only(store: Path) -> Iterator[Path]:
    """The same folder, mounted read-only over itself: root may not write there either."""
    if os.geteuid() != 0:
        pytest.skip("mounting a folder read-only needs root")
    for words in (
        ["mount", "--bind", str(store), str(store)],
        ["mount", "-o", "remount,bind,ro", str(store)],
    ):
        done = subprocess.run(words, capture_output=True, check=False)
        if done.returncode != 0:
            _unmount(store)
            pytest.skip(f"this machine mounts nothing read-only: {done.stderr.decode().strip()}")
    yield store
    assert _unmount(store) == 0


def _unmount(folder: Path) -> int:
    detach = 2
    return int(ctypes.CDLL(None, use_errno=True).umount2(str(folder).encode(), detach))


def files(store: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_what_is_there_is_read_and_searched(read_only: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(read_only, cache=str(tmp_path / "cache"))
    (found,) = workspace.search_runs(["0"], "metrics.loss < 1")
    assert workspace.runs.get(found.info.run_id) == found
    (point,) = workspace.runs.metric_history(found.info.run_id, "loss")
    assert point.value == 0.5
    assert workspace.artifacts(found.info.run_id).read("model/MLmodel").startswith(b"flavors")
    assert workspace.registry.get_version("wine", 1).run_id == found.info.run_id
    assert workspace.sync() == []


CHANGES: dict[str, Callable[[Workspace, str], object]] = {
    "a run": lambda workspace, _: workspace.runs.create(),
    "an experiment": lambda workspace, _: workspace.experiments.create("new"),
    "a tag": lambda workspace, run_id: workspace.runs.set_tags(run_id, {"a": "b"}),
    "a file": lambda workspace, run_id: workspace.artifacts(run_id).log_text("x", "x.txt"),
    "a deletion": lambda workspace, run_id: workspace.runs.delete(run_id),
    "a version": lambda workspace, _: workspace.registry.register("beer", source="s3://x"),
    "a stage": lambda workspace, _: workspace.registry.transition("wine", 1, "Production"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_fails_with_the_reason_and_leaves_all_as_it_was(
    read_only: Path, tmp_path: Path, change: str
) -> None:
    workspace = Workspace.open(read_only, cache=str(tmp_path / "cache"))
    (run,) = workspace.search_runs(["0"])
    before = files(read_only)
    with pytest.raises(StorageFailed, match=r"[Rr]ead-only"):
        CHANGES[change](workspace, run.info.run_id)
    assert files(read_only) == before
