"""A callable of each kind as a run: what is recorded when it works, fails, is tried again, is cancelled."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from orchestra import Orchestra

from stageline import RunStatus, active_run, fluent, log_metric
from stageline.domain.run import Attempt
from stageline.errors import InvalidInput, StagelineError
from stageline.storage.local import LocalStore
from stageline.tasks import (
    PipelineIdentity,
    TaskCall,
    Tracking,
    end_parent,
    end_unfinished,
    fail_parent,
    find_parent,
    is_unfinished,
    open_parent,
    tracked_async_call,
    tracked_async_generator,
    tracked_call,
    tracked_generator,
)
from stageline.testing.faulty import Fault, FaultyStore, Plan


def train(alpha: float, l1_ratio: float = 0.5, *rest: int, **more: str) -> dict[str, Any]:
    log_metric("epoch", 1.0)
    return {"rmse": alpha * l1_ratio, "n": 3, "ok": True, "bad": float("nan"), "note": "text"}


def fail(message: str = "no luck") -> None:
    raise ValueError(message)


# -- what is recorded ---------------------------------------------------------------------------------


def test_a_call_records_arguments_defaults_and_returned_numbers(orchestra: Orchestra):
    call = orchestra.call(tags={"queue": "gpu"})
    tracked_call(train, (0.5,), {"mode": "fast"}, call)
    run = orchestra.run_of(call)
    assert run.info.status is RunStatus.FINISHED
    assert run.info.run_name == "train of nightly"
    assert run.data.params == {"alpha": "0.5", "l1_ratio": "0.5", "rest": "()", "mode": "fast"}
    assert run.data.metrics.keys() == {"rmse", "n", "bad", "epoch"}
    assert run.data.tags["queue"] == "gpu"
    assert run.parent_run_id == call.identity.parent_run_id
    assert [(a.number, a.status) for a in run.attempts] == [(1, RunStatus.FINISHED)]


def test_self_is_no_param(orchestra: Orchestra):
    class Trainer:
        def fit(self, x: int) -> None: ...

    call = orchestra.call()
    tracked_call(Trainer.fit, (Trainer(), 1), {}, call)
    assert orchestra.run_of(call).data.params == {"x": "1"}


def test_returned_paths_that_exist_become_artifacts(orchestra: Orchestra, tmp_path_factory: Any):
    folder = tmp_path_factory.mktemp("made")
    (folder / "plot.png").write_bytes(b"png")
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_bytes(b"w")
    call = orchestra.call()
    result = ({"rmse": 1.0}, [folder / "plot.png", folder / "model", folder / "missing"])
    assert tracked_call(lambda: result, (), {}, call) is result
    assert set(orchestra.workspace.runs.files(call.identity.run_id)) == {
        "plot.png",
        "model/weights",
    }
    assert orchestra.run_of(call).data.metrics == {"rmse": 1.0}


def test_tracking_says_what_is_recorded(orchestra: Orchestra):
    tracking = Tracking(
        experiment="grid", run_name="{task}-{alpha:.2f}", params=["alpha"], metrics=None, max_param_chars=3,
        tags={"team": "ml"},
    )  # fmt: skip
    call = orchestra.call(tracking=tracking)
    tracked_call(train, (0.12345,), {}, call)
    run = orchestra.run_of(call)
    assert run.info.run_name == "train-0.12"
    assert run.data.params == {"alpha": "0.1… (7 characters, sha256=4db14f3f0035fd0b)"}
    assert run.data.metrics.keys() == {"epoch"}
    assert run.data.tags["team"] == "ml"
    assert (
        run.info.experiment_id == orchestra.workspace.experiments.get_by_name("grid").experiment_id
    )


@pytest.mark.parametrize(
    "wrong",
    [{"nest": "x"}, {"on_error": "x"},
     {"params": "alpha"}, {"run_name": "{a.b}"}, {"run_name": "{"}, {"max_param_chars": 0}],
)  # fmt: skip
def test_a_wrong_option_is_refused_at_once(wrong: dict[str, Any]):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Tracking(**wrong)


def test_the_code_version_is_that_of_the_function(orchestra: Orchestra):
    call = orchestra.call(function=train)
    tracked_call(train, (1.0,), {}, call)
    tags = orchestra.run_of(call).data.tags
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["stageline.source.git.dirty"] in ("true", "false")


def test_output_is_kept_on_request(orchestra: Orchestra, capsys: pytest.CaptureFixture[str]):
    call = orchestra.call(tracking=Tracking(capture_output=True))
    tracked_call(lambda: print("epoch 1"), (), {}, call)
    lines = list(orchestra.workspace.runs.output(call.identity.run_id))
    assert [line.text.strip() for line in lines] == ["epoch 1"]
    assert capsys.readouterr().out == "epoch 1\n"


def test_nest_new_has_no_parent_and_join_records_into_it(orchestra: Orchestra):
    alone = orchestra.call("alone", tracking=Tracking(nest="new"))
    tracked_call(train, (1,), {}, alone)
    assert orchestra.run_of(alone).parent_run_id is None
    pipeline = _pipeline(orchestra)
    open_parent(pipeline, {"seed": 1})
    joined = orchestra.call("joined", tracking=Tracking(nest="join"))
    tracked_call(train, (1,), {}, joined)
    end_parent(pipeline.identity.run_id, RunStatus.FINISHED)
    parent = orchestra.run_of(pipeline)
    assert {"seed", "alpha"} <= parent.data.params.keys()
    assert "rmse" in parent.data.metrics
    with pytest.raises(LookupError):
        orchestra.run_of(joined)


# -- endings ------------------------------------------------------------------------------------------


def test_a_failure_is_failed_with_type_and_message(orchestra: Orchestra):
    call = orchestra.call()
    with pytest.raises(ValueError, match="no luck"):
        tracked_call(fail, (), {}, call)
    run = orchestra.run_of(call)
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "ValueError: no luck")


def test_a_retry_is_an_attempt_of_the_same_run(orchestra: Orchestra):
    first = orchestra.call(will_retry=True)
    with pytest.raises(ValueError, match="no luck"):
        tracked_call(fail, (), {}, first)
    run = orchestra.run_of(first)
    assert run.info.status is RunStatus.RUNNING
    assert [(a.number, a.status, a.reason) for a in run.attempts] == [
        (1, RunStatus.FAILED, "ValueError: no luck")
    ]
    second = orchestra.call(attempt=2)
    tracked_call(train, (1.0,), {}, second)
    run = orchestra.run_of(second)
    assert first.identity.run_id == second.identity.run_id
    assert run.info.status is RunStatus.FINISHED
    assert [(a.number, a.status) for a in run.attempts] == [
        (1, RunStatus.FAILED),
        (2, RunStatus.FINISHED),
    ]
    assert run.data.metrics["rmse"] == 0.5


def test_a_run_whose_retry_is_called_off_ends_failed(orchestra: Orchestra):
    call = orchestra.call(will_retry=True)
    with pytest.raises(ValueError, match="no luck"):
        tracked_call(fail, (), {}, call)
    assert is_unfinished(call.identity.run_id)
    end_unfinished(call.identity.run_id)
    run = orchestra.run_of(call)
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "ValueError: no luck")
    assert not is_unfinished(call.identity.run_id)


def test_a_param_that_differs_on_a_retry_is_a_warning(
    orchestra: Orchestra, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(ValueError, match="a"):
        tracked_call(fail, ("a",), {}, orchestra.call(will_retry=True))
    with pytest.raises(ValueError, match="b"):
        tracked_call(fail, ("b",), {}, orchestra.call(attempt=2))
    assert "['message'] are not those of the attempt before" in caplog.text
    assert orchestra.run_of(orchestra.call()).data.params == {"message": "a"}


class Terminated(BaseException):
    """As an orchestrator raises in its tasks."""


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError("by user"), KeyboardInterrupt(), Terminated("15")]
)
def test_a_cancelled_task_is_killed_and_not_tried_again(orchestra: Orchestra, error: BaseException):
    def task() -> None:
        raise error

    call = orchestra.call(will_retry=True)
    with pytest.raises(type(error)):
        tracked_call(task, (), {}, call)
    run = orchestra.run_of(call)
    assert run.info.status is RunStatus.KILLED
    assert run.info.reason


def test_a_cancellation_at_the_time_limit_is_a_failure(orchestra: Orchestra):
    def task() -> None:
        raise asyncio.CancelledError

    call = orchestra.call(timeout_s=0.0)
    with pytest.raises(asyncio.CancelledError):
        tracked_call(task, (), {}, call)
    assert orchestra.run_of(call).info.reason == "timed out after 0 s"
    assert orchestra.run_of(call).info.status is RunStatus.FAILED


# -- coroutines and generators --------------------------------------------------------------------------


def test_a_coroutine_is_recorded_and_others_keep_their_own_active_run(orchestra: Orchestra):
    async def task(x: float) -> dict[str, float]:
        log_metric("before", x)
        await asyncio.sleep(0)
        log_metric("after", x)
        return {"x": x}

    calls = [orchestra.call(f"task-{n}") for n in range(5)]

    async def main() -> None:
        await asyncio.gather(
            *(tracked_async_call(task, (n,), {}, call) for n, call in enumerate(calls))
        )

    asyncio.run(main())
    for n, call in enumerate(calls):
        assert orchestra.run_of(call).data.metrics == {"before": n, "after": n, "x": n}


def test_a_cancelled_coroutine_is_killed(orchestra: Orchestra):
    call = orchestra.call()

    async def main() -> None:
        started = asyncio.Event()

        async def task() -> None:
            started.set()
            await asyncio.Event().wait()

        running = asyncio.create_task(tracked_async_call(task, (), {}, call))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert orchestra.run_of(call).info.status is RunStatus.KILLED


def numbers(n: int) -> Any:
    for i in range(n):
        log_metric("i", i, step=i)
        sent = yield i
        if sent:
            log_metric("sent", sent)
    return {"n": n}


def test_a_generator_is_active_only_while_its_own_code_runs(orchestra: Orchestra):
    call = orchestra.call()
    seen = []
    for item in tracked_generator(numbers, (3,), {}, call):
        assert active_run() is None
        seen.append(item)
    run = orchestra.run_of(call)
    assert seen == [0, 1, 2]
    assert run.info.status is RunStatus.FINISHED
    assert run.data.metrics == {"i": 2.0, "n": 3.0}


def test_a_generator_takes_what_is_sent_and_thrown(orchestra: Orchestra):
    items = tracked_generator(numbers, (3,), {}, sent := orchestra.call("sent"))
    assert (next(items), items.send(7)) == (0, 1)
    with pytest.raises(ValueError, match="thrown"):
        items.throw(ValueError("thrown"))
    run = orchestra.run_of(sent)
    assert run.data.metrics["sent"] == 7.0
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "ValueError: thrown")


def test_a_generator_closed_early_is_finished(orchestra: Orchestra):
    items = tracked_generator(numbers, (3,), {}, call := orchestra.call())
    next(items)
    items.close()
    assert orchestra.run_of(call).info.status is RunStatus.FINISHED


def test_an_asynchronous_generator_is_recorded_to_its_end_or_its_closing(orchestra: Orchestra):
    async def task(n: int) -> Any:
        for i in range(n):
            log_metric("i", i)
            yield i

    whole, part = orchestra.call("whole"), orchestra.call("part")

    async def main() -> None:
        assert [item async for item in tracked_async_generator(task, (3,), {}, whole)] == [0, 1, 2]
        items = tracked_async_generator(task, (3,), {}, part)
        await anext(items)
        await items.aclose()

    asyncio.run(main())
    assert [orchestra.run_of(call).info.status for call in (whole, part)] == [
        RunStatus.FINISHED
    ] * 2


# -- the pipeline run -----------------------------------------------------------------------------------


def _pipeline(orchestra: Orchestra, **said: Any) -> TaskCall:
    identity = PipelineIdentity(
        orchestrator="orchestra", pipeline="nightly", pipeline_run="nightly/1"
    )
    return TaskCall(identity=identity, open_session=orchestra.session, **said)


def test_a_pipeline_run_is_opened_once_and_ended_once(orchestra: Orchestra):
    call = _pipeline(orchestra)
    assert open_parent(call, {"seed": 1}) is open_parent(call, {"seed": 2})
    end_parent(call.identity.run_id, RunStatus.FAILED, "one task failed")
    end_parent(call.identity.run_id, RunStatus.FINISHED)
    run = orchestra.run_of(call)
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "one task failed")
    assert run.data.params == {"seed": "1"}
    assert find_parent(call.identity.run_id) is None


def test_a_pipeline_that_is_not_tried_again_ends_failed(orchestra: Orchestra):
    call = _pipeline(orchestra, will_retry=True)
    open_parent(call, {})
    fail_parent(call.identity.run_id, ValueError("x"))
    assert orchestra.run_of(call).info.status is RunStatus.RUNNING
    end_parent(call.identity.run_id, RunStatus.FAILED, "exhausted")
    assert orchestra.run_of(call).info.status is RunStatus.FAILED


# -- errors of tracking -----------------------------------------------------------------------------------


def _away(tmp_path: Path, **plan: Any) -> tuple[Orchestra, FaultyStore]:
    store = FaultyStore(
        LocalStore(tmp_path / "inner"), plan=Plan(chances={Fault.LOST_CALL: 1.0}, **plan)
    )
    return Orchestra(tmp_path / "own", store, end_timeout_s=0.0), store


def test_a_store_that_is_away_costs_the_task_nothing_and_gets_all_of_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    orchestra, store = _away(tmp_path)
    monkeypatch.setattr(fluent.Session, "workspace", orchestra.workspace)
    call = orchestra.call(tracking=Tracking(experiment="away"))
    assert tracked_call(train, (1.0,), {}, call)["rmse"] == 0.5
    assert "stageline sync" in caplog.text
    store.heal()
    orchestra.workspace.sync()
    run = orchestra.run_of(call)
    assert run.info.status is RunStatus.FINISHED
    assert run.data.metrics["rmse"] == 0.5


def test_an_error_of_tracking_is_one_warning(
    orchestra: Orchestra, caplog: pytest.LogCaptureFixture
):
    call = orchestra.call()
    result = tracked_call(lambda: {"x" * 1000: 1.0, "also": 2.0}, (), {}, call)
    assert len(result) == 2
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "The task goes on" in caplog.text
    assert orchestra.run_of(call).info.status is RunStatus.FINISHED


def test_a_workspace_that_can_not_be_opened_is_one_warning(caplog: pytest.LogCaptureFixture):
    def no_session() -> Any:
        raise InvalidInput("no such protocol")

    call = TaskCall(identity=Orchestra(Path("/nowhere")).call().identity, open_session=no_session)
    assert tracked_call(lambda: 7, (), {}, call) == 7
    assert len(caplog.records) == 1


def test_on_error_raise_raises_tracking_errors_but_never_instead_of_the_tasks_own(
    orchestra: Orchestra,
):
    strict = Tracking(on_error="raise")
    with pytest.raises(StagelineError):
        tracked_call(lambda: {"x" * 1000: 1.0}, (), {}, orchestra.call(tracking=strict))

    def no_session() -> Any:
        raise InvalidInput("no such protocol")

    call = TaskCall(identity=orchestra.call("b").identity, open_session=no_session, tracking=strict)
    with pytest.raises(InvalidInput, match="no such protocol"):
        tracked_call(lambda: 7, (), {}, call)


def test_an_attempt_that_never_said_how_it_ended_is_no_running_one(orchestra: Orchestra):
    first = orchestra.workspace.runs.join(orchestra.call().identity.run_id)
    first.note_attempt(Attempt(number=1, status=RunStatus.RUNNING, start_time=1))
    first.leave()  # as its process does when it is killed: without a word of the attempt
    second = orchestra.call(attempt=2)
    tracked_call(train, (1.0,), {}, second)
    assert [(a.number, a.status, a.reason) for a in orchestra.run_of(second).attempts] == [
        (1, RunStatus.KILLED, "its process vanished: attempt 2 followed"),
        (2, RunStatus.FINISHED, None),
    ]


def test_the_last_attempt_ends_with_the_run(orchestra: Orchestra):
    run = orchestra.workspace.runs.join(orchestra.call().identity.run_id)
    run.note_attempt(Attempt(number=1, status=RunStatus.RUNNING, start_time=1))
    run.end(RunStatus.KILLED, "SIGTERM")
    (attempt,) = orchestra.run_of(orchestra.call()).attempts
    assert (attempt.status, attempt.reason) == (RunStatus.KILLED, "SIGTERM")


def test_a_file_above_the_limit_is_told_and_not_stored(
    orchestra: Orchestra, tmp_path_factory: Any, caplog: pytest.LogCaptureFixture
):
    folder = tmp_path_factory.mktemp("made")
    (folder / "small").write_bytes(b"12345")
    (folder / "large").write_bytes(b"123456")
    call = orchestra.call(tracking=Tracking(max_artifact_bytes=5))
    tracked_call(lambda: [folder / "small", folder / "large"], (), {}, call)
    assert set(orchestra.workspace.runs.files(call.identity.run_id)) == {"small"}
    assert "large has 6 bytes and is not stored" in caplog.text
    assert orchestra.run_of(call).info.status is RunStatus.FINISHED


def test_a_task_takes_over_the_experiment_and_store_of_its_pipeline():
    outer = Tracking(experiment="grid", store="memory://pipeline")
    assert Tracking().within(outer) == Tracking(experiment="grid", store="memory://pipeline")
    own = Tracking(experiment="mine", store="memory://mine")
    assert own.within(outer) is own
