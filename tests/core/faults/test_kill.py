"""kill -9 at any moment: what a call returned for is there, and the run is never FINISHED or RUNNING for ever."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
from processes import lines_of, start, until
from servers import S3Server

from stageline import Workspace
from stageline.domain.run import RunStatus
from stageline.settings import Settings

# Logs without end, and writes down each call that has returned; a second file says where it is.
LOGGER = """
    import os, sys
    import stageline
    from stageline.domain.run import MetricPoint
    store, diary, rounds = sys.argv[1:]
    stageline.set_store(store, flush_s=0.0, heartbeat_s=0.0)
    said = os.open(diary, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    say = lambda line: os.write(said, (line + "\\n").encode())
    for number in range(int(rounds)):
        run = stageline.start_run(run_name=f"r{number}")
        say(f"run {run.run_id}")
        for step in range(40):
            stageline.log_metric("loss", 1.0 / (step + 1), step=step)
            say(f"metric {run.run_id} {step}")
            if step % 10 == 0:
                stageline.log_param(f"p{step}", step)
                say(f"param {run.run_id} p{step}")
                run.log_batch([MetricPoint("batch", float(i), i, i) for i in range(step, step + 10)])
                say(f"batch {run.run_id} {step}")
        stageline.end_run()
        say(f"end {run.run_id}")
"""


def check(workspace: Workspace, diary: list[str]) -> None:
    said: dict[str, dict[str, set[str]]] = {}
    for line in diary:
        kind, run_id, *rest = line.split()
        said.setdefault(run_id, {}).setdefault(kind, set()).update(rest)
    for run_id, kinds in said.items():
        found = workspace.runs.get(run_id)
        steps = {str(point.step) for point in workspace.runs.metric_history(run_id, "loss")}
        assert kinds.get("metric", set()) <= steps, "an acknowledged point is lost"
        assert len(steps) == len(workspace.runs.metric_history(run_id, "loss")), (
            "a point is doubled"
        )
        assert kinds.get("param", set()) <= set(found.data.params)
        batches = {point.step for point in workspace.runs.metric_history(run_id, "batch")}
        for first in map(int, kinds.get("batch", ())):
            assert set(range(first, first + 10)) <= batches
        if "end" in kinds:
            assert found.info.status is RunStatus.FINISHED
        else:
            # Killed inside end_run, it may have got its last word out.
            assert found.info.status in (RunStatus.KILLED, RunStatus.FINISHED)
            if found.info.status is RunStatus.FINISHED:
                assert "39" in kinds["metric"]
    names = {run.info.run_id for run in workspace.search_runs(["0"])}
    assert set(said) <= names, "a run is missing from search"


def kill_after(store: str, diary: Path, lines: int, environment: dict[str, str]) -> list[str]:
    with start(LOGGER, store, str(diary), "1000", **environment) as process:
        until(
            lambda: len(lines_of(diary)) >= lines or process.poll() is not None, "the logger logs"
        )
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, err
    return lines_of(diary)


@pytest.mark.parametrize("seed", range(50))
def test_kill_at_a_random_moment_on_a_local_store(tmp_path: Path, seed: int) -> None:
    diary = kill_after(str(tmp_path / "s"), tmp_path / "d", random.Random(seed).randint(1, 250), {})
    check(Workspace.open(tmp_path / "s"), diary)


@pytest.mark.parametrize("seed", range(8))
def test_kill_at_a_random_moment_on_a_real_server(
    tmp_path: Path, seed: int, seaweedfs_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweedfs_server.environment().items():
        monkeypatch.setenv(name, value)
    store = seaweedfs_server.new_place()
    spool = str(tmp_path / "spool")
    diary = kill_after(
        store, tmp_path / "d", random.Random(seed).randint(1, 150), {"STAGELINE_SPOOL": spool}
    )
    workspace = Workspace.open(store, spool=spool)
    workspace.sync()
    check(workspace, diary)
    assert workspace.sync() == [], "a second sync has nothing to do"
    assert workspace.spool is not None
    assert list(workspace.spool.iterdir()) == []
    assert isinstance(workspace.settings, Settings)
