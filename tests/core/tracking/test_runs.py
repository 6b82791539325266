"""Runs from beginning to end, through the explicit API."""

from __future__ import annotations

import errno
import gc
import math
import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from stageline import DatasetInput, DatasetRef, MetricPoint, Workspace
from stageline.domain.run import Attempt, LifecycleStage, RunStatus
from stageline.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    InvalidInput,
    NotAllowed,
    NotFound,
    StorageFailed,
)
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.index import ExperimentIndex
from stageline.storage.memory import MemoryStore
from stageline.storage.open import open_store
from stageline.testing.clock import FixedClock


@pytest.fixture(params=["local", "memory"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    workspace = Workspace(open_store(url), Settings(cache=str(tmp_path / "cache"), user="ada"))
    yield workspace
    for run in workspace.runs.open_runs():
        run.end()


def run_that_is_summed_up(workspace: Workspace) -> str:
    """One that leaves an end even in a folder, where a small log stands for itself."""
    with workspace.runs.create() as run:
        run.log_metric("loss", 1.0)
        run.set_tags({f"note{number}": "x" * 5_000 for number in range(4)})
    return run.run_id


def stored_keys(workspace: Workspace) -> list[str]:
    return [entry.key for entry in workspace.store.list("")]


def test_a_small_log_that_ended_is_the_index_entry_itself(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    with workspace.runs.create(run_name="first", tags={"team": "blue"}) as run:
        run.log_params({"alpha": 0.5})
        run.log_metrics({"loss": 0.25, "odd": math.nan})
        run.log_metric("loss", math.inf, 1)
        run.log_points([MetricPoint("acc", 0.1 * step, step, step) for step in range(80)])
        run.delete_tag("team")
    log = tmp_path / "store" / layout.run_wal(run.run_id, run.stream.head.writer)
    entry = tmp_path / "store" / layout.inbox_final("0", run.run_id, run.stream.head.writer)
    assert entry.samefile(log)
    assert [each.name for each in entry.parent.iterdir()] == [entry.name]
    (found,) = workspace.search_runs(["0"])
    assert repr(found) == repr(workspace.runs.get(run.run_id))  # by repr, since NaN equals nothing
    assert found.info.status is RunStatus.FINISHED
    assert repr(found.data.metrics) == repr({"acc": 7.9, "loss": math.inf, "odd": math.nan})
    assert ExperimentIndex(workspace.store, "0").fold() == 1
    another = Workspace.open(tmp_path / "store", cache=str(tmp_path / "another"))
    assert repr(list(another.search_runs(["0"]))) == repr([found])


def test_a_summary_stands_in_the_index_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*names: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    workspace = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    with workspace.runs.create() as run:
        run.log_metric("loss", 0.25)
    entry = tmp_path / "store" / layout.inbox_final("0", run.run_id, run.stream.head.writer)
    assert entry.read_bytes().startswith(b"{")
    (found,) = workspace.search_runs(["0"])
    assert found.data.metrics == {"loss": 0.25}
    assert found.info.status is RunStatus.FINISHED


def test_the_log_of_a_run_in_a_folder_is_for_all_who_may_read_the_folder(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    before = os.umask(0o022)
    try:
        run = workspace.runs.create()
    finally:
        os.umask(before)
    run.end()
    assert Path(run.stream.path).stat().st_mode & 0o777 == 0o644


def test_run_is_read_back_as_it_was_logged(workspace: Workspace) -> None:
    with workspace.runs.create(run_name="first", tags={"team": "blue"}, start_time=1_000) as run:
        run.log_params({"alpha": 0.5, "deep": {"a": 1}})
        for step in range(3):
            run.log_metric("loss", 1 / (step + 1), step)
        run.set_tag("stage", "tried")
        run.delete_tag("team")
        run.log_input(DatasetInput(DatasetRef(name="wine", digest="abc"), {"role": "training"}))
    found = workspace.runs.get(run.run_id)
    assert found.info.run_name == "first"
    assert found.info.user_id == "ada"
    assert found.info.status is RunStatus.FINISHED
    assert found.info.start_time == 1_000
    assert found.info.end_time is not None
    assert found.info.experiment_id == "0"
    assert found.data.params == {"alpha": "0.5", "deep": "{'a': 1}"}
    assert found.data.metrics == {"loss": 1 / 3}
    assert found.data.tags["stage"] == "tried"
    assert "team" not in found.data.tags
    assert found.inputs.dataset_inputs[0].dataset.name == "wine"
    history = workspace.runs.metric_history(run.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]


def test_open_run_is_read_with_everything_logged_so_far(workspace: Workspace) -> None:
    run = workspace.runs.create()
    run.log_metric("loss", 0.25)
    run.log_param("alpha", 1)
    found = workspace.runs.get(run.run_id)
    assert (found.info.status, found.data.metrics) == (RunStatus.RUNNING, {"loss": 0.25})
    assert found.data.params == {"alpha": "1"}
    assert len(workspace.runs.metric_history(run.run_id, "loss")) == 1
    assert [hit.run_id for hit in (r.info for r in workspace.search_runs(["0"]))] == [run.run_id]


def test_numbers_that_are_not_finite_are_kept(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_metric("nan", math.nan)
        run.log_metric("inf", math.inf)
        run.log_metrics({"minus": -math.inf})
    metrics = workspace.runs.get(run.run_id).data.metrics
    assert math.isnan(metrics["nan"])
    assert (metrics["inf"], metrics["minus"]) == (math.inf, -math.inf)
    (hit,) = workspace.search_runs(["0"], "metrics.inf > 5")
    assert math.isnan(hit.data.metrics["nan"])


def test_last_point_is_the_one_of_the_greatest_step(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_metric("loss", 1.0, step=7)
        run.log_metric("loss", 2.0, step=-3)
        run.log_batch([MetricPoint("loss", 3.0, 5, 1), MetricPoint("loss", 4.0, 6, 0)])
    assert workspace.runs.get(run.run_id).metrics["loss"][1:3] == (1.0, 7)


@pytest.mark.parametrize("count", [10, 5_000])
def test_batches_of_any_size_come_back_whole(workspace: Workspace, count: int) -> None:
    points = [MetricPoint(f"m{i % 3}", i * 0.5, i, 1_000 + i) for i in range(count)]
    with workspace.runs.create() as run:
        run.log_batch(points, {"p": 1}, {"t": 2})
    back = [p for key in ("m0", "m1", "m2") for p in workspace.runs.metric_history(run.run_id, key)]
    assert sorted(back, key=lambda point: point.step) == points


def test_many_single_points_are_sealed_into_few_bytes(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        for step in range(20_000):
            run.log_metric("loss", 1 / (step + 1), step, timestamp=1_700_000_000_000 + 7 * step)
    log = workspace.store.list(f"runs/{run.run_id}/log/")
    assert sum(entry.size for entry in log) < 12 * 20_000
    assert not [entry for entry in log if entry.key.endswith(".wal")]
    assert len(workspace.runs.metric_history(run.run_id, "loss")) == 20_000


def test_same_param_again_is_fine_and_another_value_is_a_conflict(workspace: Workspace) -> None:
    run = workspace.runs.create()
    run.log_param("alpha", 0.5)
    run.log_param("alpha", "0.5")
    with pytest.raises(
        Conflict, match=r"Changing param values is not allowed.*'alpha'.*'0.5'.*'0.7'"
    ):
        run.log_params({"new": 1, "alpha": 0.7})
    run.end()
    with pytest.raises(Conflict):
        workspace.runs.resume(run.run_id).log_param("alpha", 0.7)
    assert workspace.runs.get(run.run_id).data.params == {"alpha": "0.5"}


def test_resumed_run_goes_on_and_ends_again(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_metric("loss", 1.0, 0)
    resumed = workspace.runs.resume(run.run_id)
    assert workspace.runs.get(run.run_id).info.status is RunStatus.RUNNING
    assert resumed.data.metrics == {"loss": 1.0}
    resumed.log_metric("loss", 0.5, 1)
    resumed.end("FAILED", "gave up")
    found = workspace.runs.get(run.run_id)
    assert (found.info.status, found.info.reason) == (RunStatus.FAILED, "gave up")
    assert [p.value for p in workspace.runs.metric_history(run.run_id, "loss")] == [1.0, 0.5]
    assert found.info.start_time == run.info.start_time


def test_chosen_id_is_taken_once(workspace: Workspace) -> None:
    with workspace.runs.create(run_id="nightly-2026-11-23") as run:
        run.log_metric("loss", 1.0)
    with pytest.raises(AlreadyExists, match="nightly-2026-11-23"):
        workspace.runs.create(run_id="nightly-2026-11-23")
    assert workspace.runs.get("nightly-2026-11-23").data.metrics == {"loss": 1.0}
    assert workspace.runs.get("nightly-2026-11-23").info.status is RunStatus.FINISHED


def test_deleted_run_refuses_changes_until_it_is_restored(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        pass
    workspace.runs.delete(run.run_id)
    assert workspace.runs.get(run.run_id).info.lifecycle_stage is LifecycleStage.DELETED
    assert workspace.search_runs(["0"]) == []
    with pytest.raises(NotAllowed, match="must be in the 'active' state"):
        workspace.runs.set_tags(run.run_id, {"a": "b"})
    with pytest.raises(NotAllowed):
        workspace.runs.resume(run.run_id)
    workspace.runs.restore(run.run_id)
    workspace.runs.set_tags(run.run_id, {"a": "b"})
    assert workspace.search_runs(["0"], "tags.a = 'b'")[0].info.run_id == run.run_id


def test_tag_of_a_finished_run_can_change_and_go(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        pass
    workspace.runs.set_tags(run.run_id, {"team": "blue"})
    workspace.runs.set_tags(run.run_id, {"team": "red"})
    workspace.runs.rename(run.run_id, "better name")
    found = workspace.runs.get(run.run_id)
    assert (found.data.tags["team"], found.info.run_name) == ("red", "better name")
    workspace.runs.delete_tag(run.run_id, "team")
    assert "team" not in workspace.runs.get(run.run_id).data.tags
    with pytest.raises(NotFound):
        workspace.runs.delete_tag(run.run_id, "team")
    assert workspace.search_runs(["0"], "run_name = 'better name'")[0].info.run_id == run.run_id


def test_attempts_keep_their_status_and_their_points_apart(workspace: Workspace) -> None:
    def attempt(number: int, status: RunStatus, reason: str | None = None) -> Attempt:
        return Attempt(number=number, status=status, start_time=number, end_time=9, reason=reason)

    first = workspace.runs.join("a" * 32, attempt=1)
    for step in range(8):
        first.log_metric("loss", 9.0, step)
    first.leave(attempt(1, RunStatus.FAILED, "OSError: disk"))
    assert workspace.runs.get("a" * 32).info.status is RunStatus.RUNNING
    second = workspace.runs.join("a" * 32, attempt=2)
    second.log_metric("loss", 1.0, 0)
    second.note_attempt(attempt(2, RunStatus.FINISHED))
    second.end()
    found = workspace.runs.get("a" * 32)
    assert found.info.status is RunStatus.FINISHED
    assert found.data.metrics == {"loss": 1.0}, "the last attempt counts, however far the first got"
    assert [(a.number, a.status, a.reason) for a in found.attempts] == [
        (1, RunStatus.FAILED, "OSError: disk"),
        (2, RunStatus.FINISHED, None),
    ]
    apart = workspace.runs.attempt_histories("a" * 32, "loss")
    assert {number: len(points) for number, points in apart.items()} == {1: 8, 2: 1}


def test_ranks_write_one_run_and_rank_0_owns_params_and_end(workspace: Workspace) -> None:
    ranks = [
        workspace.runs.join("b" * 32, owns_end=rank == 0, keeps_params=rank == 0)
        for rank in range(3)
    ]
    for rank, writer in enumerate(ranks):
        writer.log_metric(f"loss_{rank}", float(rank))
        writer.log_param("world", f"as seen by {rank}")
    for writer in reversed(ranks[1:]):
        writer.end("FAILED")
    assert workspace.runs.get("b" * 32).info.status is RunStatus.RUNNING
    ranks[0].end()
    found = workspace.runs.get("b" * 32)
    assert found.info.status is RunStatus.FINISHED
    assert found.data.params == {"world": "as seen by 0"}
    assert found.data.metrics == {"loss_0": 0.0, "loss_1": 1.0, "loss_2": 2.0}


def test_child_knows_its_parent(workspace: Workspace) -> None:
    with (
        workspace.runs.create() as parent,
        workspace.runs.create(parent_run_id=parent.run_id) as child,
    ):
        pass
    assert workspace.runs.get(child.run_id).parent_run_id == parent.run_id
    hits = workspace.search_runs(["0"], f"tags.mlflow.parentRunId = '{parent.run_id}'")
    assert [hit.info.run_id for hit in hits] == [child.run_id]


def test_run_in_a_deleted_experiment_is_refused_and_leaves_nothing(workspace: Workspace) -> None:
    experiment = workspace.experiments.create("gone")
    workspace.experiments.delete(experiment.experiment_id)
    before = stored_keys(workspace)
    with pytest.raises(InvalidInput, match=r"must be in the 'active' state.*restore"):
        workspace.runs.create(experiment.experiment_id)
    with pytest.raises(InvalidInput, match="deleted"):
        workspace.runs.create(experiment_name="gone")
    assert stored_keys(workspace) == before


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda run: run.log_metric("../up", 1.0), "up"),
        (lambda run: run.log_metric("a" * 251, 1.0), "250"),
        (lambda run: run.log_metric("ok", True), "bool|number"),
        (lambda run: run.log_metric("ok", "high"), "number"),
        (lambda run: run.log_metric("ok", 1.0, 1 << 63), "64"),
        (lambda run: run.log_metric("ok", 1.0, 0, -1), "1970|negative"),
        (lambda run: run.log_batch([MetricPoint("ok", True, 0, 0)] * 100), "bool|number"),
        (lambda run: run.log_param("/abs", 1), "abs"),
        (lambda run: run.log_param("a\0b", 1), "a"),
        (lambda run: run.set_tag("t", object()), "JSON"),
        (lambda run: run.set_tag("..", "x"), r"\.\."),
        (lambda run: run.log_input(DatasetInput(DatasetRef(name="n" * 501, digest="d"))), "500"),
    ],
)
def test_bad_input_is_one_clear_error_and_logs_nothing(
    workspace: Workspace, call: object, error: str
) -> None:
    run = workspace.runs.create()
    before = run.snapshot()
    with pytest.raises(InvalidInput, match=error):
        call(run)  # type: ignore[operator]
    assert run.snapshot() == before


def test_unknown_run_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match=f"Run with id={'0' * 32} not found"):
        workspace.runs.get("0" * 32)


def test_ended_handle_refuses_to_log(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        pass
    with pytest.raises(OSError, match="closed"):
        run.log_metric("loss", 1.0)
    run.end("FAILED")
    assert workspace.runs.get(run.run_id).info.status is RunStatus.FINISHED


def test_run_in_a_folder_is_found_by_others_as_soon_as_it_has_begun(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    workspace = Workspace(open_store(url), Settings(cache=str(tmp_path / "cache")))
    onlooker = Workspace(open_store(url), Settings(cache=str(tmp_path / "other")))
    with workspace.runs.create(tags={"team": "blue"}) as run:
        (found,) = onlooker.search_runs(["0"], "tags.team = 'blue'")
        assert (found.info.run_id, found.info.status) == (run.run_id, RunStatus.RUNNING)
        run.log_metric("loss", 1.0)
        run.flush()
        claim = layout.run_start(run.run_id)
        assert b"loss" not in workspace.store.read(claim)  # only the index's copy was replaced
        (found,) = onlooker.search_runs(["0"], "metrics.loss = 1")
    (found,) = onlooker.search_runs(["0"], "metrics.loss = 1")
    assert found.info.status is RunStatus.FINISHED


def test_run_that_has_just_begun_is_found_by_the_params_that_its_beginning_told(
    workspace: Workspace,
) -> None:
    noted = Attempt(number=1, status=RunStatus.RUNNING, start_time=7)
    run = workspace.runs.join("f" * 32, params={"alpha": 1}, noted=noted)
    (found,) = workspace.search_runs(["0"], "params.alpha = '1'")
    assert (found.info.run_id, found.info.status) == (run.run_id, RunStatus.RUNNING)
    with pytest.raises(Conflict, match="alpha"):
        run.log_params({"alpha": 2})
    run.end()
    assert [one.start_time for one in workspace.runs.get(run.run_id).attempts] == [7]


def test_param_that_breaks_a_rule_begins_no_run(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        workspace.runs.join("f" * 32, params={"a\nb": 1})
    assert workspace.runs.open_runs() == []


def test_small_log_in_a_folder_stands_for_itself(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    workspace = Workspace(open_store(url), Settings(cache=str(tmp_path / "cache")))
    with workspace.runs.create() as run:
        run.log_params({"alpha": 1})
        run.log_metric("loss", 0.5, step=3)
        run.note_files({"model/MLmodel": ("ab" * 32, 7)})
        run.write_output("stdout", "hello\n")
    assert not [key for key in stored_keys(workspace) if key.endswith(".end.json")]
    onlooker = Workspace(open_store(url), Settings(cache=str(tmp_path / "other")))
    found = onlooker.runs.get(run.run_id)
    assert (found.info.status, found.info.reason) == (RunStatus.FINISHED, None)
    assert (found.data.params, found.data.metrics) == ({"alpha": "1"}, {"loss": 0.5})
    assert [p.step for p in onlooker.runs.metric_history(run.run_id, "loss")] == [3]
    assert [line.text for line in onlooker.runs.output(run.run_id)] == ["hello\n"]
    assert onlooker.runs.files(run.run_id)["model/MLmodel"].size == 7
    onlooker.runs.delete(run.run_id)
    assert onlooker.search_runs(["0"]) == []


def test_run_whose_small_log_stands_for_itself_goes_on(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    workspace = Workspace(open_store(url), Settings(cache=str(tmp_path / "cache")))
    with workspace.runs.create() as run:
        run.log_metric("loss", 0.5)
    onlooker = Workspace(open_store(url), Settings(cache=str(tmp_path / "other")))
    again = workspace.runs.resume(run.run_id)
    assert onlooker.runs.get(run.run_id).info.status is RunStatus.RUNNING
    again.log_metric("loss", 0.25, step=1)
    again.end("FAILED", "enough")
    found = onlooker.runs.get(run.run_id)
    assert (found.info.status, found.info.reason) == (RunStatus.FAILED, "enough")
    assert found.data.metrics == {"loss": 0.25}


@pytest.mark.parametrize("ending", [".end.json", "start.json"])
@pytest.mark.parametrize("garbage", [b"", b"garbage", b'{"format": "stageline.end/1"}', b"[1]"])
def test_corrupt_object_is_named(workspace: Workspace, ending: str, garbage: bytes) -> None:
    run_id = run_that_is_summed_up(workspace)
    (key,) = [key for key in stored_keys(workspace) if key.endswith(ending)]
    workspace.store.replace(key, garbage)
    if ending == ".end.json":
        with pytest.raises(Corrupt, match=r"end\.json"):
            workspace.runs.get(run_id)
    else:  # the end says it all, so the start is not read
        assert workspace.runs.get(run_id).data.metrics == {"loss": 1.0}


def test_corrupt_run_does_not_hide_the_others_when_the_index_is_rebuilt(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [run_that_is_summed_up(workspace) for _ in range(2)]
    (key,) = [k for k in stored_keys(workspace) if runs[0] in k and k.endswith(".end.json")]
    workspace.store.replace(key, b"garbage")
    for key in stored_keys(workspace):
        if key.startswith("index/"):
            workspace.store.delete(key)
    assert [hit.info.run_id for hit in workspace.search_runs(["0"])] == [runs[1]]
    assert f"run {runs[0]} is left out of searches" in caplog.text


def test_run_that_can_not_be_read_can_be_deleted(workspace: Workspace) -> None:
    run_id = run_that_is_summed_up(workspace)
    (key,) = [key for key in stored_keys(workspace) if key.endswith(".end.json")]
    workspace.store.replace(key, b"garbage")
    with pytest.raises(Corrupt, match="stageline runs delete"):
        workspace.runs.get(run_id)
    workspace.runs.delete(run_id)
    assert workspace.search_runs(["0"]) == []


def test_newer_format_is_refused_with_the_way_out(workspace: Workspace) -> None:
    run_id = run_that_is_summed_up(workspace)
    (key,) = [key for key in stored_keys(workspace) if key.endswith(".end.json")]
    body = workspace.store.read(key).replace(b"stageline.end/1", b"stageline.end/2")
    workspace.store.replace(key, body)
    with pytest.raises(NotAllowed, match="upgrade"):
        workspace.runs.get(run_id)


def test_store_of_a_newer_stageline_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "_format.json").write_text(
        '{"format": "stageline.store/2", "created_ms": 1, "create_only": true, "hash": "sha256"}'
    )
    workspace = Workspace.open(tmp_path)
    for call in (
        lambda: workspace.runs.create(),
        lambda: workspace.experiments.create("wine"),
        lambda: workspace.search_runs(["0"]),
        lambda: workspace.runs.get("0" * 32),
    ):
        with pytest.raises(NotAllowed, match=r"newer Stageline.*pip install -U stageline"):
            call()
    assert [path.name for path in tmp_path.iterdir()] == ["_format.json"]


def test_silent_run_is_reaped_and_its_own_later_word_stands_above(tmp_path: Path) -> None:
    clock = FixedClock(1_800_000_000_000)
    store = MemoryStore(f"memory://{tmp_path.name}", clock)
    here = Workspace(store, Settings(cache=str(tmp_path / "1")), clock)
    elsewhere = Workspace(store, Settings(cache=str(tmp_path / "2")), clock)
    run = here.runs.create()
    run.flush()
    assert elsewhere.runs.get(run.run_id).info.status is RunStatus.RUNNING
    clock.set(clock.now_ms() + 299_000)
    assert elsewhere.runs.get(run.run_id).info.status is RunStatus.RUNNING
    clock.set(clock.now_ms() + 2_000)
    reaped = elsewhere.runs.get(run.run_id)
    assert reaped.info.status is RunStatus.KILLED
    assert reaped.info.reason is not None
    assert "no sign of life" in reaped.info.reason
    run.end()  # it was only asleep
    assert elsewhere.runs.get(run.run_id).info.status is RunStatus.FINISHED


def test_search_ends_the_runs_that_vanished(tmp_path: Path) -> None:
    clock = FixedClock(1_800_000_000_000)
    store = MemoryStore(f"memory://{tmp_path.name}", clock)
    here = Workspace(store, Settings(cache=str(tmp_path / "1")), clock)
    elsewhere = Workspace(store, Settings(cache=str(tmp_path / "2")), clock)
    run = here.runs.create()
    run.flush()
    assert [hit.info.status for hit in elsewhere.search_runs(["0"])] == [RunStatus.RUNNING]
    clock.set(clock.now_ms() + 301_000)
    assert [hit.info.status for hit in elsewhere.search_runs(["0"])] == [RunStatus.KILLED]
    assert [hit.info.status for hit in elsewhere.search_runs(["0"], "status = 'KILLED'")] != []
    run.end()


def test_search_shows_a_run_that_is_damaged_as_it_was_last_heard_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FixedClock(1_800_000_000_000)
    store = MemoryStore(f"memory://{tmp_path.name}", clock)
    here = Workspace(store, Settings(cache=str(tmp_path / "1")), clock)
    elsewhere = Workspace(store, Settings(cache=str(tmp_path / "2")), clock)
    damaged, sound = here.runs.create(), here.runs.create()
    for run in (damaged, sound):
        run.log_metric("loss", 0.5)
        run.flush()
    assert len(elsewhere.search_runs(["0"])) == 2
    segment = next(
        entry.key
        for entry in store.list(f"runs/{damaged.run_id}/log/")
        if entry.key.endswith(".seg")
    )
    store.replace(segment, b"garbage")
    clock.set(clock.now_ms() + 301_000)
    found = {hit.info.run_id: hit.info.status for hit in elsewhere.search_runs(["0"])}
    assert found == {damaged.run_id: RunStatus.RUNNING, sound.run_id: RunStatus.KILLED}
    (warning,) = (line for line in caplog.messages if damaged.run_id in line)
    assert segment in warning
    damaged.end()
    sound.end()


def test_printed_text_is_kept_in_order(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.write_output("stdout", "epoch 1\n")
        run.write_output("stderr", "careful\n")
    lines = list(workspace.runs.output(run.run_id))
    assert [(line.stream, line.text) for line in lines] == [
        ("stdout", "epoch 1\n"),
        ("stderr", "careful\n"),
    ]


def test_an_id_whose_claim_is_being_written_is_taken(workspace: Workspace) -> None:
    workspace.store.replace("runs/nightly/log/start.json", b"")
    with pytest.raises(AlreadyExists, match="nightly"):
        workspace.runs.create(run_id="nightly")


def test_run_that_ended_leaves_no_circle_for_the_garbage_collector(workspace: Workspace) -> None:
    # In a process with many objects, such as an orchestrator's, each collection costs more than a run.
    gc.collect()
    gc.disable()
    try:
        run = workspace.runs.create()
        run.log_metric("rmse", 0.5)
        gone = weakref.ref(run)
        run.end()
        with pytest.raises(StorageFailed, match="closed"):
            run.log_metric("rmse", 0.4)
        del run
        assert gone() is None
    finally:
        gc.enable()
