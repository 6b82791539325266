"""When a wait for a run is over, and what it says: decided from a run as it stands. The exit codes stand here."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from stageline.domain.like import matches
from stageline.domain.query import RUNS, Comparison, Entity, parse_filter
from stageline.domain.run import Run, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(IntEnum):
    """How a wait ended; the value is the exit code of `stageline runs wait`."""

    MET = 0
    """The condition holds, or without one: the run is finished."""
    NOT_MET = 10
    """The run is finished, and the condition does not hold."""
    FAILED = 11
    KILLED = 12
    TIMED_OUT = 13


_OF_STATUS = {RunStatus.FAILED: Outcome.FAILED, RunStatus.KILLED: Outcome.KILLED}


def parse_condition(text: str) -> tuple[Comparison, ...]:
    """A condition in the language of searches, about the last values. Raises `InvalidInput`."""
    return parse_filter(text, RUNS)


def outcome(run: Run, condition: Sequence[Comparison]) -> Outcome | None:
    """What there is to say of `run`, or None as long as it may still meet the condition."""
    if condition and all(_holds(run, comparison) for comparison in condition):
        return Outcome.MET
    if not run.info.status.is_terminal:
        return None
    return _OF_STATUS.get(run.info.status, Outcome.NOT_MET if condition else Outcome.MET)


def _holds(run: Run, comparison: Comparison) -> bool:
    return any(matches(comparison, value) for value in _values(run, comparison))


def _values(run: Run, comparison: Comparison) -> Iterable[str | float | None]:
    key = comparison.key
    if comparison.entity is Entity.METRIC:
        return [run.data.metrics.get(key)]
    if comparison.entity is Entity.PARAM:
        return [run.data.params.get(key)]
    if comparison.entity is Entity.TAG:
        return [run.data.tags.get(key)]
    if comparison.entity is Entity.DATASET:
        return [_of_dataset(given.dataset, given.tags, key) for given in run.inputs.dataset_inputs]
    return [getattr(run.info, key)]


def _of_dataset(dataset: object, tags: dict[str, str], key: str) -> str | None:
    if key == "context":
        return tags.get("mlflow.data.context")
    value: str | None = getattr(dataset, key)
    return value
