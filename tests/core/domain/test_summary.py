"""Records add up to the same run whoever wrote them, in whatever order they arrive, and how often."""

from __future__ import annotations

import json
import math
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import EVENTS, FEW, NUMBERS, started

from stageline.domain import events as ev
from stageline.domain.run import (
    Attempt,
    DatasetInput,
    DatasetRef,
    LifecycleStage,
    MetricPoint,
    RunStatus,
)
from stageline.domain.summary import LastPoint, RunSummary, last_of, merge
from stageline.domain.summary_json import decode_summary, encode_summary
from stageline.errors import Corrupt, NotAllowed, StagelineError

Told = tuple[int, ev.AnyEvent]
"""A record, and the attempt that wrote it."""

HISTORIES = st.lists(st.tuples(st.integers(1, 3), EVENTS), max_size=12)


def folded(*told: Told) -> RunSummary:
    summary = RunSummary("r")
    for attempt, event in told:
        summary.apply(event, attempt)
    return summary


def first_attempt(*events: ev.AnyEvent) -> RunSummary:
    return folded(*((1, event) for event in events))


def said(summary: RunSummary) -> Any:
    """What a summary says, comparable: NaN by its name, and no order of keys."""
    return json.loads(encode_summary(summary))


@given(HISTORIES, HISTORIES)
def test_merge_is_commutative(one: list[Told], other: list[Told]) -> None:
    a, b = folded(*one), folded(*other)
    assert said(merge(a, b)) == said(merge(b, a))


@given(HISTORIES, HISTORIES, HISTORIES)
def test_merge_is_associative(one: list[Told], two: list[Told], three: list[Told]) -> None:
    a, b, c = folded(*one), folded(*two), folded(*three)
    assert said(merge(merge(a, b), c)) == said(merge(a, merge(b, c)))


@given(HISTORIES, HISTORIES)
def test_merge_is_idempotent(one: list[Told], other: list[Told]) -> None:
    a, b = folded(*one), folded(*other)
    both = merge(a, b)
    assert said(merge(a, a)) == said(a)
    assert said(merge(both, b)) == said(both)
    assert said(merge(a, RunSummary("r"))) == said(a)


@given(HISTORIES, HISTORIES)
def test_merge_changes_neither_argument(one: list[Told], other: list[Told]) -> None:
    a, b = folded(*one), folded(*other)
    merge(a, b).apply(ev.TagsSet(9, {"new": "tag"}))
    assert said(a) == said(folded(*one))
    assert said(b) == said(folded(*other))


@given(st.data(), HISTORIES)
def test_any_order_and_any_share_among_writers_add_up_alike(
    data: st.DataObject, history: list[Told]
) -> None:
    shuffled = data.draw(st.permutations(history))
    owners = data.draw(
        st.lists(st.integers(0, 3), min_size=len(history), max_size=len(history)), label="writers"
    )
    writers = [
        folded(*(told for told, owner in zip(shuffled, owners, strict=True) if owner == writer))
        for writer in range(4)
    ]
    assert said(reduce(merge, writers)) == said(folded(*history))


@given(HISTORIES)
def test_records_that_come_twice_count_once(history: list[Told]) -> None:
    assert said(folded(*history, *history)) == said(folded(*history))


@given(HISTORIES)
def test_summary_survives_json(history: list[Told]) -> None:
    summary = folded(*history)
    assert said(decode_summary(encode_summary(summary))) == said(summary)


def test_numbers_that_json_lacks_come_back_as_numbers() -> None:
    values = {"nan": math.nan, "up": math.inf, "down": -math.inf, "plain": 0.1}
    summary = first_attempt(*(ev.PointLogged(key, v, 0, 0) for key, v in values.items()))
    back = decode_summary(encode_summary(summary)).metrics
    assert math.isnan(back["nan"].value)
    assert (back["up"].value, back["down"].value, back["plain"].value) == (math.inf, -math.inf, 0.1)


# -- which of two stays -------------------------------------------------------------------------------


def test_param_keeps_its_earliest_value() -> None:
    summary = first_attempt(ev.ParamsLogged(5, {"p": "late"}), ev.ParamsLogged(2, {"p": "early"}))
    assert summary.to_run("").data.params == {"p": "early"}


def test_tag_takes_its_latest_value() -> None:
    summary = first_attempt(ev.TagsSet(5, {"t": "late"}), ev.TagsSet(2, {"t": "early"}))
    assert summary.to_run("").data.tags == {"t": "late"}


def test_removed_tag_stays_away_until_it_is_set_later() -> None:
    removed = first_attempt(ev.TagsSet(2, {"t": None}), ev.TagsSet(1, {"t": "before"}))
    assert removed.to_run("").data.tags == {}
    removed.apply(ev.TagsSet(3, {"t": "after"}))
    assert removed.to_run("").data.tags == {"t": "after"}


def test_tag_given_at_the_start_yields_to_a_later_one() -> None:
    summary = first_attempt(ev.TagsSet(5, {"t": "set"}), started(4, tags={"t": "start", "u": "u"}))
    assert summary.to_run("").data.tags == {"t": "set", "u": "u"}


def test_latest_status_stays_with_its_reason() -> None:
    summary = first_attempt(
        ev.StatusSet(9, RunStatus.FAILED, 70, "boom"), ev.StatusSet(3, RunStatus.FINISHED, 30)
    )
    info = summary.to_run("").info
    assert (info.status, info.end_time, info.reason) == (RunStatus.FAILED, 70, "boom")
    assert not summary.is_running


def test_run_that_was_resumed_is_running_again() -> None:
    summary = first_attempt(ev.StatusSet(1, RunStatus.FINISHED, 30), started())
    summary.apply(ev.StatusSet(2, RunStatus.RUNNING))
    assert summary.is_running
    assert summary.to_run("").info.end_time is None


def test_deleted_run_is_restored_by_the_later_word() -> None:
    summary = first_attempt(ev.DeletionSet(2, True), ev.DeletionSet(1, False))
    assert summary.is_deleted
    assert summary.to_run("").info.lifecycle_stage is LifecycleStage.DELETED
    summary.apply(ev.DeletionSet(3, False))
    assert not summary.is_deleted
    assert summary.to_run("").info.lifecycle_stage is LifecycleStage.ACTIVE


def test_run_began_when_the_first_of_its_writers_did() -> None:
    summary = first_attempt(
        started(10, 2000, experiment_id="late"), started(20, 1000, experiment_id="later")
    )
    assert summary.to_run("").info.start_time == 1000
    assert summary.experiment_id == "late"


def test_writer_that_does_not_know_the_experiment_leaves_it_to_others() -> None:
    summary = first_attempt(started(1, experiment_id=None), started(5, experiment_id="7"))
    assert summary.experiment_id == "7"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (LastPoint(1, 9, 9, 9.0), LastPoint(2, 0, 0, 0.0)),
        (LastPoint(1, 1, 9, 9.0), LastPoint(1, 2, 0, 0.0)),
        (LastPoint(1, 1, 1, 9.0), LastPoint(1, 1, 2, 0.0)),
        (LastPoint(1, 1, 1, 0.0), LastPoint(1, 1, 1, 9.0)),
        (LastPoint(1, 1, 1, math.nan), LastPoint(1, 1, 1, -math.inf)),
        (LastPoint(1, 1, 1, 5.0), LastPoint(1, 2, 1, math.nan)),
    ],
    ids=["attempt", "step", "timestamp", "value", "a number before NaN", "NaN at a later step"],
)
def test_last_point_is_the_greatest(earlier: LastPoint, later: LastPoint) -> None:
    for order in ([earlier, later], [later, earlier]):
        summary = RunSummary("r")
        for point in order:
            summary.take_point("m", point)
        assert repr(summary.metrics["m"]) == repr(later)


@given(st.lists(st.tuples(FEW, FEW, NUMBERS), min_size=1))
def test_last_of_many_points_is_that_of_a_search_by_hand(
    points: list[tuple[int, int, float]],
) -> None:
    best = points[0]
    for step, timestamp, value in points[1:]:
        is_later = (step, timestamp) > best[:2]
        is_tie = (step, timestamp) == best[:2]
        if is_later or (is_tie and (value > best[2] or math.isnan(best[2]))):
            best = (step, timestamp, value)
    step, timestamp, value = last_of(points)
    assert (step, timestamp) == best[:2]
    assert value == best[2] or (math.isnan(value) and math.isnan(best[2]))


def test_packed_points_count_like_single_ones() -> None:
    packed = first_attempt(ev.PointsLogged(b"", {"m": (3, 4, 5.0)}))
    assert packed.metrics == first_attempt(ev.PointLogged("m", 5.0, 3, 4)).metrics


# -- what a later version wrote -----------------------------------------------------------------------


def test_record_of_a_later_version_is_skipped() -> None:
    summary = first_attempt(ev.decode_event(ev.encode_event((99, "a", {"b": 1}))))
    assert said(summary) == said(RunSummary("r"))


def test_field_of_a_later_version_is_skipped() -> None:
    longer = ev.decode_event(ev.encode_event((5, 1, {"t": "x"}, "new field", 7)))
    assert first_attempt(longer).to_run("").data.tags == {"t": "x"}


def test_summary_with_fields_of_a_later_version_is_read() -> None:
    text = {"run_id": "r", "format": "stageline.summary/1", "mood": {"good": True}}
    assert decode_summary(json.dumps(text).encode()).run_id == "r"


def test_summary_of_a_newer_format_asks_for_an_upgrade() -> None:
    with pytest.raises(NotAllowed, match="upgrade stageline"):
        decode_summary(b'{"run_id": "r", "format": "stageline.summary/2"}')


@given(st.binary() | st.binary().map(lambda noise: b'{"run_id": "' + noise + b'"}'))
def test_bytes_that_are_no_summary_are_corrupt(data: bytes) -> None:
    try:
        decode_summary(data)
    except Corrupt:
        pass
    except StagelineError as error:
        pytest.fail(f"{type(error).__name__} for {data!r}")


def test_summary_nested_without_end_is_corrupt() -> None:
    with pytest.raises(Corrupt):
        decode_summary(b'{"x": ' + b"[" * 100_000)


# -- the shape ----------------------------------------------------------------------------------------


def test_run_shows_all_that_was_recorded() -> None:
    data = DatasetInput(DatasetRef(name="wine", digest="d"), {"context": "train"})
    attempt = Attempt(number=1, status=RunStatus.FAILED, start_time=1000)
    run = first_attempt(
        started(tags={"mlflow.runName": "kind-owl", "mlflow.user": "ada", "t": "x"}),
        ev.ParamsLogged(2, {"b": "2", "a": "1"}),
        ev.PointLogged("m", 0.5, 3, 1500),
        ev.InputsLogged(3, [data]),
        ev.AttemptNoted(4, attempt),
        ev.StatusSet(5, RunStatus.FINISHED, 3000),
        ev.TagsSet(6, {"mlflow.parentRunId": "p"}),
    ).to_run("s3://b/runs/r/artifacts")
    assert run.info.run_id == "r"
    assert run.info.run_name == "kind-owl"
    assert run.info.user_id == "ada"
    assert run.info.experiment_id == "0"
    assert run.info.duration_ms == 2000
    assert run.info.artifact_uri == "s3://b/runs/r/artifacts"
    assert list(run.data.params.items()) == [("a", "1"), ("b", "2")]
    assert run.data.metrics == {"m": 0.5}
    assert run.metrics == {"m": MetricPoint("m", 0.5, 3, 1500)}
    assert run.inputs.dataset_inputs == [data]
    assert run.attempts == [attempt]
    assert run.parent_run_id == "p"


def test_run_of_which_nothing_is_known_is_running() -> None:
    run = RunSummary("r").to_run("")
    assert run.info.status is RunStatus.RUNNING
    assert (run.info.start_time, run.info.end_time, run.info.duration_ms) == (0, None, None)
    assert run.parent_run_id is None
