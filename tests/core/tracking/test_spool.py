"""What lies on this machine on its way to a remote store is read with what the store has."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers import S3Server

from stageline.workspace import Workspace


@pytest.fixture
def two(moto_server: S3Server, tmp_path: Path) -> tuple[Workspace, Workspace]:
    """Two processes of one machine, as far as they know."""
    url = moto_server.new_bucket()
    return tuple(  # type: ignore[return-value]
        Workspace.open(
            url,
            storage_options=moto_server.options,
            spool=str(tmp_path / "spool"),
            cache=str(tmp_path / name),
            flush_s=1000,
            stale_after_s=0,
        )
        for name in ("a", "b")
    )


def test_neighbour_reads_what_was_not_shipped(two: tuple[Workspace, Workspace]) -> None:
    writer, reader = two
    run = writer.runs.create()
    run.stream.ship_start()
    run.log_params({"p": "1"})
    for step in range(3):
        run.log_metric("m", float(step), step)
    run.stream.ship()
    run.log_metric("m", 3.0, 3)
    found = reader.runs.get(run.run_id)
    assert (found.data.params, found.data.metrics) == ({"p": "1"}, {"m": 3.0})
    assert [point.step for point in reader.runs.metric_history(run.run_id, "m")] == [0, 1, 2, 3]
    run.end()
    assert [point.step for point in reader.runs.metric_history(run.run_id, "m")] == [0, 1, 2, 3]


def test_run_that_a_living_neighbour_writes_has_not_vanished(
    two: tuple[Workspace, Workspace],
) -> None:
    writer, reader = two
    run = writer.runs.create()
    run.stream.ship_start()
    assert str(reader.runs.get(run.run_id).info.status) == "RUNNING"
    run.end()


def test_run_that_the_store_does_not_know_yet_is_found(two: tuple[Workspace, Workspace]) -> None:
    writer, reader = two
    run = writer.runs.create(run_name="early")
    assert reader.runs.get(run.run_id).info.run_name == "early"
    beside = reader.runs.resume(run.run_id, owns_end=False)
    beside.log_metric("m", 1.0)
    beside.leave()
    run.end()
    assert reader.runs.get(run.run_id).data.metrics == {"m": 1.0}


def test_writer_for_others_claims_neither_end_nor_host(two: tuple[Workspace, Workspace]) -> None:
    writer, reader = two
    run = writer.runs.create(owns_end=False)
    run.end()
    found = reader.runs.get(run.run_id)
    assert "stageline.host" not in found.data.tags
    assert run.is_ended


def test_search_says_again_only_what_has_changed(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    run = workspace.runs.create()
    inbox = Path(workspace.store.url) / "index"

    def written() -> list[int]:
        return [path.stat().st_mtime_ns for path in inbox.rglob("*") if run.run_id in path.name]

    run.log_metric("m", 1.0)
    workspace.search_runs(["0"])
    before = written()
    assert before
    workspace.search_runs(["0"])
    assert written() == before
    run.log_metric("m", 2.0)
    assert workspace.search_runs(["0"])[0].data.metrics == {"m": 2.0}
    run.end()
