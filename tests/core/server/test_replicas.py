"""Several servers over one store, each a writer of its own stream; any of them may be killed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from asking import Asked
from processes import until
from running import Loggers, Running
from servers import S3Server

from stageline.server.options import Limits, Options
from stageline.workspace import Workspace


def beside(workspace: Workspace) -> Workspace:
    """Another process's view of the same store."""
    return Workspace(workspace.store, workspace.settings)


def point(run_id: str, step: int) -> dict[str, object]:
    return {"run_id": run_id, "key": "m", "value": step, "timestamp": 1, "step": step}


def test_run_that_two_replicas_write_adds_up(server: Asked, workspace: Workspace) -> None:
    with Asked(beside(workspace)) as other:
        run_id = server.run()
        for step, one in enumerate((server, other, server, other)):
            one.made("runs/log-metric", **point(run_id, step))
        server.made("runs/set-tag", run_id=run_id, key="a", value="1")
        other.made("runs/set-tag", run_id=run_id, key="a", value="2")
        for one in (server, other):
            history = one.get("metrics/get-history", run_id=run_id, metric_key="m").json["metrics"]
            assert [each["step"] for each in history] == [0, 1, 2, 3]
            assert {"key": "a", "value": "2"} in one.found(run_id)["data"]["tags"]
        other.made("runs/update", run_id=run_id, status="FINISHED")
        assert server.found(run_id)["info"]["status"] == "FINISHED"


def test_param_of_one_replica_holds_for_the_other(server: Asked, workspace: Workspace) -> None:
    with Asked(beside(workspace)) as other:
        run_id = server.run()
        other.made("runs/set-tag", run_id=run_id, key="a", value="b")  # it has the run open now
        server.made("runs/log-parameter", run_id=run_id, key="p", value="1")
        refused = other.post("runs/log-parameter", run_id=run_id, key="p", value="2")
        assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
        other.made("runs/log-parameter", run_id=run_id, key="p", value="1")


def test_search_of_one_replica_finds_what_the_other_published(
    server: Asked, workspace: Workspace
) -> None:
    with Asked(beside(workspace)) as other:
        run_id = server.run()
        server.made("runs/log-metric", **point(run_id, 5))
        server.replica.runs.publish()
        found = other.made("runs/search", experiment_ids=["0"], filter="metrics.m = 5")["runs"]
        assert [run["info"]["run_id"] for run in found] == [run_id]


def test_run_that_goes_quiet_is_let_go_and_opened_again(workspace: Workspace) -> None:
    options = Options(limits=Limits(idle_s=0, ended_idle_s=0))
    with Asked(workspace, options) as server:
        run_id = server.run()
        server.made("runs/log-metric", **point(run_id, 0))
        server.replica.runs.sweep()
        assert run_id not in server.replica.runs.held
        assert workspace.runs.find_open(run_id) is None
        server.made("runs/log-metric", **point(run_id, 1))
        history = server.get("metrics/get-history", run_id=run_id, metric_key="m").json["metrics"]
        assert [each["step"] for each in history] == [0, 1]
        assert server.found(run_id)["info"]["status"] == "RUNNING"


def test_open_runs_are_bounded(workspace: Workspace) -> None:
    with Asked(workspace, Options(limits=Limits(open_runs=3))) as server:
        runs = [server.run() for _ in range(8)]
        for run_id in runs:
            server.made("runs/log-metric", **point(run_id, 0))
        assert len(server.replica.runs.held) <= 3
        assert len(workspace.runs.open_runs()) <= 3
        assert all(server.found(run_id)["data"]["metrics"] for run_id in runs)


def test_nothing_that_was_acknowledged_is_lost_with_a_worker(tmp_path: Path) -> None:
    with Running(str(tmp_path / "store"), tmp_path, "--workers", "2") as server:
        run_id = server.client().run()
        with Loggers([server.port] * 4, run_id) as loggers:
            until(lambda: len(loggers.told) > 100, "points")
            server.workers()[0].kill()
            told = len(loggers.told)
            until(lambda: len(loggers.told) > told + 200, "points after the death of a worker")
        assert loggers.refused == []
        assert set(loggers.told) <= set(server.client().steps(run_id))
        assert (
            server.client().get(f"runs/get?run_id={run_id}")["run"]["info"]["status"] == "RUNNING"
        )
        assert server.end() == 0
    assert set(loggers.told) <= set(_steps(Workspace.open(tmp_path / "store"), run_id))


def test_server_that_is_told_to_stop_answers_what_was_begun(tmp_path: Path) -> None:
    with Running(str(tmp_path / "store"), tmp_path) as server:
        run_id = server.client().run()
        with Loggers([server.port] * 4, run_id) as loggers:
            until(lambda: len(loggers.told) > 100, "points")
            assert server.end() == 0
        assert "Traceback" not in server.text
    workspace = Workspace.open(tmp_path / "store")
    assert set(loggers.told) <= set(_steps(workspace, run_id))
    assert not list(Path(workspace.store.url).rglob("*.tmp"))


@pytest.mark.slow
def test_two_replicas_over_seaweedfs_lose_nothing_when_one_is_killed(
    tmp_path: Path, seaweedfs_server: S3Server
) -> None:
    url, environment = seaweedfs_server.new_bucket(), seaweedfs_server.environment()
    with (
        Running(url, tmp_path / "a", **environment) as first,
        Running(url, tmp_path / "b", **environment) as second,
    ):
        run_id = first.client().run()
        assert (
            second.client().get(f"runs/get?run_id={run_id}")["run"]["info"]["status"] == "RUNNING"
        )
        with Loggers([first.port, second.port], run_id) as loggers:
            until(lambda: len(loggers.told) > 200, "points")
            first.die()
            told = len(loggers.told)
            until(lambda: len(loggers.told) > told + 100, "points after the death of a replica")
        assert loggers.refused == []
        assert second.end() == 0
    # What the dead one had not shipped lies on its disk: whoever starts there next ships it.
    with Running(url, tmp_path / "a", **environment) as third:
        until(lambda: set(loggers.told) <= set(third.client().steps(run_id)), "all that was told")
        until(lambda: not list((tmp_path / "a" / "spool").rglob("*.wal")), "the log's shipment")
        assert set(loggers.told) <= set(third.client().steps(run_id))


@pytest.mark.slow
def test_workers_of_a_remote_store_read_each_others_logs(
    tmp_path: Path, seaweedfs_server: S3Server
) -> None:
    environment = {**seaweedfs_server.environment(), "STAGELINE_FLUSH_S": "1000"}
    url = seaweedfs_server.new_bucket()
    with Running(url, tmp_path, "--workers", "2", **environment) as server:
        client = server.client()  # each request by a connection of its own, which any worker takes
        run_id = client.run()
        steps = itertools.count()

        def both_have_written() -> bool:
            step = next(steps)
            client.post("runs/log-metric", **point(run_id, step))
            assert client.steps(run_id) == list(range(step + 1))
            return len([*(tmp_path / "spool").rglob(f"{run_id}-*.wal")]) == 2

        until(both_have_written, "points by both workers")
        client.post("runs/update", run_id=run_id, status="FINISHED")
        assert client.get(f"runs/get?run_id={run_id}")["run"]["info"]["status"] == "FINISHED"
        assert client.steps(run_id) == list(range(next(steps)))


@pytest.mark.slow
def test_with_durability_store_an_answer_means_that_the_store_has_it(
    tmp_path: Path, seaweedfs_server: S3Server
) -> None:
    url, environment = seaweedfs_server.new_bucket(), seaweedfs_server.environment()
    with Running(url, tmp_path / "a", "--durability", "store", **environment) as server:
        run_id = server.client().run()
        client = server.client()
        for step in range(20):
            client.post("runs/log-metric", **point(run_id, step))
        client.post("runs/log-parameter", run_id=run_id, key="p", value="1")
        server.die()
    workspace = Workspace.open(
        url, storage_options=seaweedfs_server.options, spool=str(tmp_path / "elsewhere")
    )
    assert _steps(workspace, run_id) == list(range(20))
    assert workspace.runs.get(run_id).data.params == {"p": "1"}


def _steps(workspace: Workspace, run_id: str) -> list[int]:
    return [each.step for each in workspace.runs.metric_history(run_id, "m")]
