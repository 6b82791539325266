"""Tasks whose attempts are in several processes, and pipelines that no process sees whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from orchestra import Orchestra

from stageline.domain.run import RunStatus
from stageline.tasks import (
    ErrorMeaning,
    PipelineIdentity,
    SharedParent,
    TaskCall,
    Tracking,
    call_fingerprint,
    end_shared_parent,
    tracked_call,
)


class Later(BaseException):
    """How the tests' orchestrator sets a task aside."""


class NothingToDo(Exception):
    """How its tasks skip."""


MEANINGS = {Later: ErrorMeaning.PAUSED, NothingToDo: ErrorMeaning.SKIPPED}


def raises(error: BaseException):
    def task(alpha: float = 0.5):
        raise error

    return task


@pytest.fixture
def impatient(tmp_path: Path) -> Orchestra:
    """Whoever does not write counts as vanished at once."""
    return Orchestra(tmp_path, stale_after_s=0)


def call_of(orchestra: Orchestra, **said) -> TaskCall:
    return orchestra.call(
        meaning_of=lambda error: MEANINGS.get(type(error)), waits_elsewhere=True, **said
    )


def test_a_paused_task_waits_and_goes_on_as_the_same_attempt(impatient: Orchestra):
    call = call_of(impatient, began_ms=1_000)
    with pytest.raises(Later):
        tracked_call(raises(Later()), (), {}, call)
    assert impatient.run_of(call).info.status is RunStatus.SCHEDULED

    tracked_call(lambda: {"rmse": 1.0}, (), {}, call)

    run = impatient.run_of(call)
    assert run.info.status is RunStatus.FINISHED
    assert [(one.number, one.start_time, str(one.status)) for one in run.attempts] == [
        (1, 1_000, "FINISHED")
    ]


def test_a_task_between_two_tries_waits(impatient: Orchestra):
    call = call_of(impatient, will_retry=True)
    with pytest.raises(ValueError, match="no"):
        tracked_call(raises(ValueError("no")), (), {}, call)

    run = impatient.run_of(call)
    assert run.info.status is RunStatus.SCHEDULED
    assert [str(one.status) for one in run.attempts] == ["FAILED"]


def test_what_is_fatal_ends_the_run_whatever_was_planned(impatient: Orchestra):
    call = replace(call_of(impatient, will_retry=True), meaning_of=lambda error: ErrorMeaning.FATAL)
    with pytest.raises(ValueError, match="no"):
        tracked_call(raises(ValueError("no")), (), {}, call)
    assert impatient.run_of(call).info.status is RunStatus.FAILED


def test_a_skipped_task_is_finished_and_says_why(impatient: Orchestra):
    call = call_of(impatient)
    with pytest.raises(NothingToDo):
        tracked_call(raises(NothingToDo("it is Sunday")), (), {}, call)
    run = impatient.run_of(call)
    assert run.info.status is RunStatus.FINISHED
    assert run.data.tags["stageline.skipped"] == "it is Sunday"


def test_what_the_orchestrator_passes_is_no_param(orchestra: Orchestra):
    call = orchestra.call(hidden_params=frozenset({"context"}))
    tracked_call(lambda alpha, context: None, (1, object()), {}, call)
    assert orchestra.run_of(call).data.params == {"alpha": "1"}


def pipeline_call(orchestra: Orchestra, attempt: int = 1) -> TaskCall:
    identity = PipelineIdentity(
        orchestrator="orchestra", pipeline="nightly", pipeline_run="nightly/1", attempt=attempt,
        display_name="nightly 1",
    )  # fmt: skip
    return TaskCall(identity=identity, open_session=orchestra.session)


def test_whichever_task_is_first_begins_the_pipelines_run_and_whoever_hears_of_the_end_ends_it(
    orchestra: Orchestra,
):
    parent = pipeline_call(orchestra)
    for task in ("extract", "train"):
        shared = SharedParent(call=parent, params={"day": "monday"})
        tracked_call(lambda: None, (), {}, orchestra.call(task, shared_parent=shared))
    assert orchestra.run_of(parent).info.status is RunStatus.RUNNING

    assert end_shared_parent(parent, RunStatus.FAILED, "train failed", ended_ms=5_000)

    run = orchestra.run_of(parent)
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "train failed")
    assert run.data.params == {"day": "monday"}
    assert run.info.run_name == "nightly 1"


def test_a_pipeline_that_goes_on_after_its_end_is_running_again(orchestra: Orchestra):
    first = SharedParent(call=pipeline_call(orchestra))
    tracked_call(lambda: None, (), {}, orchestra.call(shared_parent=first))
    end_shared_parent(pipeline_call(orchestra), RunStatus.FAILED)

    again = pipeline_call(orchestra, attempt=2)
    call = orchestra.call(attempt=2, shared_parent=SharedParent(call=again))
    seen = tracked_call(lambda: orchestra.run_of(again).info.status, (), {}, call)
    assert seen is RunStatus.RUNNING
    end_shared_parent(again, RunStatus.FINISHED)

    run = orchestra.run_of(again)
    assert run.info.status is RunStatus.FINISHED
    assert [one.number for one in run.attempts] == [1, 2]


def test_a_task_may_record_into_the_shared_parent_or_have_none(orchestra: Orchestra):
    shared = SharedParent(call=pipeline_call(orchestra))
    for nest in ("join", "new"):
        call = orchestra.call(nest, tracking=Tracking(nest=nest), shared_parent=shared)
        tracked_call(lambda: {"rmse": 1.0}, (), {}, call)
    end_shared_parent(shared.call, RunStatus.FINISHED)
    assert orchestra.run_of(shared.call).data.metrics == {"rmse": 1.0}
    assert "mlflow.parentRunId" not in orchestra.run_of(call).data.tags


def test_ending_a_pipeline_of_which_nothing_is_recorded_makes_no_run(orchestra: Orchestra):
    parent = pipeline_call(orchestra)
    assert not end_shared_parent(parent, RunStatus.FINISHED)
    assert str(parent.identity.run_id).encode() not in orchestra.bytes_of_store()


def test_a_fingerprint_is_that_of_code_and_arguments():
    def train(alpha, password=""):
        return alpha in {"a", "b", "c"}

    def other(alpha, password=""):
        return alpha in {"a", "b", "d"}

    given = {"alpha": "a", "password": "one"}
    first = call_fingerprint(train, given)
    assert first == call_fingerprint(train, {"password": "two", "alpha": "a"})
    assert first != call_fingerprint(train, {**given, "alpha": "b"})
    assert first != call_fingerprint(other, given)


def test_a_long_list_is_a_param_by_its_digest(orchestra: Orchestra):
    shown = []
    for task, last in (("first", 1), ("same", 1), ("other", 2)):
        call = orchestra.call(task, tracking=Tracking())
        tracked_call(lambda rows: None, ([*range(5000), last],), {}, call)
        shown.append(orchestra.run_of(call).data.params["rows"])
    assert shown[0].startswith("list len=5001 sha256=")
    assert shown[0] == shown[1] != shown[2]
