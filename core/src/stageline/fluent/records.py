"""What a run measures and says of itself: metrics, params, tags, inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.domain.run import (
    DatasetInput,
    DatasetRef,
    Point,
)
from stageline.fluent.runs import STACK, current, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
) -> None:
    """Log one point of a metric to the active run, or to the run named. On disk when this returns.

    Args:
        key: Name of the metric.
        value: Any number; NaN and infinities are kept.
        step: Where in the training; 0 if not given.
        synchronous: Ignored: every call is as quick as an asynchronous one, and as sure as a synchronous one.
        timestamp: Unix time in milliseconds; now if not given.
        run_id: A run other than the active one.

    Raises:
        InvalidInput: the key or a value breaks a rule; nothing is logged.
        StorageFailed: the disk did not take the record.
    """
    if run_id is None:
        stack = STACK.get()
        run = stack[-1] if stack and not stack[-1].is_ended else current()
        run.log_metric(key, value, 0 if step is None else step, timestamp)
    else:
        opened(run_id).log_metric(key, value, step or 0, timestamp)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
) -> None:
    """Log one point of each of several metrics, all or none; arguments as of `log_metric`."""
    opened(run_id).log_metrics(metrics, step or 0, timestamp)


def log_batch(
    metrics: Iterable[Point] = (),
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> None:
    """Log many points, params and tags by one call."""
    opened(run_id).log_batch(metrics, params, tags)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param, recorded as `str(value)`; returns `value`. Raises `Conflict` if it was logged with another value."""
    current().log_params({key: value})
    return value


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> None:
    """Log several params, all or none. Raises `Conflict`."""
    opened(run_id).log_params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag; the last value stays."""
    current().set_tags({key: value})


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set several tags, all or none."""
    current().set_tags(tags)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    current().delete_tag(key)


def log_input(
    dataset: DatasetRef, context: str | None = None, tags: Mapping[str, str] | None = None
) -> None:
    """Say that the active run reads a dataset, in a role such as `training`."""
    role = {"mlflow.data.context": context} if context else {}
    current().log_input(DatasetInput(dataset, {**(tags or {}), **role}))
