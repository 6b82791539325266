"""MLflow's routes by which a training says what it does: metrics, params, tags."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stageline.domain import names
from stageline.domain.logged_model import LINK
from stageline.domain.run import Point
from stageline.errors import Conflict, InvalidInput, NotFound
from stageline.server import asks
from stageline.server.endpoint import NOT_NOW, Call, Endpoint
from stageline.server.model_links import measured_links, tag_key, unrepeated
from stageline.server.wire import required
from stageline.tracking.texts import fitting_tags

if TYPE_CHECKING:
    from stageline.server.open_runs import OpenRun
    from stageline.tracking.active import ActiveRun

# -- on the event loop: a run that is open here, and nobody else writes just now ------------------------


def quick_metric(call: Call, ask: asks.LogMetric) -> Any:
    held = call.replica.runs.held.get(ask.run_id or "")
    if held is None or ask.model_id or not held.lock.acquire(blocking=False):
        return NOT_NOW
    try:
        if held.active is None:
            return NOT_NOW
        held.active.log_metric(*_point(ask))
        held.used = time.monotonic()
    finally:
        held.lock.release()
    return None


def quick_batch(call: Call, ask: asks.LogBatch) -> Any:
    held = call.replica.runs.held.get(ask.run_id or "")
    if held is None or ask.params or not held.lock.acquire(blocking=False):
        return NOT_NOW
    try:
        if held.active is None or any(metric.model_id for metric in ask.metrics):
            return NOT_NOW
        _log(held.active, *_checked(ask))
        held.used = time.monotonic()
    finally:
        held.lock.release()
    return None


# -- in a thread ----------------------------------------------------------------------------------------


def log_metric(call: Call, ask: asks.LogMetric) -> None:
    point = _point(ask)
    run_id = required("run_id", ask.run_id or ask.run_uuid)
    with writing(call, run_id) as (active, _):
        links = measured_links(call, run_id, [ask])
        _log(active, unrepeated(active, [point]) if links else [point], {}, links)


def log_batch(call: Call, ask: asks.LogBatch) -> None:
    points, params, tags = _checked(ask)
    run_id = required("run_id", ask.run_id)
    with writing(call, run_id) as (active, held):
        links = measured_links(call, run_id, ask.metrics)
        if params:
            _log_params(call, active, held, params)
        _log(active, unrepeated(active, points) if links else points, {}, {**tags, **links})


def log_param(call: Call, ask: asks.LogParam) -> None:
    key = required("key", ask.key)
    with writing(call, ask.run_id or ask.run_uuid) as (active, held):
        _log_params(call, active, held, {key: text("value", ask.value)})


def set_tag(call: Call, ask: asks.RunTag) -> None:
    key = tag_key(ask.key)
    with writing(call, ask.run_id or ask.run_uuid) as (active, _):
        active.set_tags({key: text("value", ask.value)})


def delete_tag(call: Call, ask: asks.RunTag) -> None:
    run_id, key = required("run_id", ask.run_id), required("key", ask.key)
    if key.startswith(LINK) or key not in call.workspace.runs.get(run_id).data.tags:
        raise NotFound(f"No tag with name: {key} in run with id {run_id}")
    with writing(call, run_id) as (active, _):
        active.delete_tag(key)


# -- what they share ------------------------------------------------------------------------------------


@contextmanager
def writing(call: Call, run_id: str | None) -> Iterator[tuple[ActiveRun, OpenRun]]:
    """The open run, for this thread alone; after the block its records are where the answer promises them."""
    wanted = required("run_id", run_id)
    with call.replica.runs.writing(wanted) as held:
        assert held.active is not None
        yield held.active, held
    call.replica.settle(wanted)  # out of the lock, so that what several wrote is shipped at once


def _log_params(call: Call, active: ActiveRun, held: OpenRun, params: dict[str, str]) -> None:
    call.replica.runs.learn_params(active.run_id, held)
    try:
        active.log_params(params)
    except Conflict as error:
        raise InvalidInput(str(error)) from error


def _log(
    active: ActiveRun, points: list[Point], params: dict[str, str], tags: dict[str, str]
) -> None:
    active.log_batch(points, params, tags)


def _point(metric: asks.LogMetric | asks.Metric) -> Point:
    if metric.key is None or metric.value is None or metric.timestamp is None:
        name = next(n for n in ("key", "value", "timestamp") if getattr(metric, n) is None)
        raise InvalidInput(f"Missing value for required parameter '{name}'.")
    return metric.key, metric.value, metric.step or 0, metric.timestamp


def _checked(ask: asks.LogBatch) -> tuple[list[Point], dict[str, str], dict[str, str]]:
    """All of a batch, each rule checked before anything is logged."""
    names.check_batch(metrics=len(ask.metrics), params=len(ask.params), tags=len(ask.tags))
    points = [_point(metric) for metric in ask.metrics]
    for key, _, step, timestamp in points:
        names.check_key("metric", key)
        names.check_step(step)
        names.check_timestamp(timestamp)
    params: dict[str, str] = {}
    for param in ask.params:
        key, value = names.check_key("param", required("key", param.key)), param.value or ""
        if params.setdefault(key, value) != value:
            raise InvalidInput(
                f"Duplicate parameter keys have been submitted: {key!r}. Please ensure the request contains only one "
                "param value per param key."
            )
    tags = fitting_tags({tag_key(tag.key): tag.value or "" for tag in ask.tags})
    return points, params, tags


def text(name: str, value: str | None) -> str:
    """A field that has to be there, and may be empty. Raises `InvalidInput`."""
    if value is None:
        raise InvalidInput(f"Missing value for required parameter '{name}'.")
    return value


ENDPOINTS = [
    Endpoint("POST", "runs/log-metric", asks.LogMetric, log_metric, quick_metric),
    Endpoint("POST", "runs/log-batch", asks.LogBatch, log_batch, quick_batch),
    Endpoint("POST", "runs/log-parameter", asks.LogParam, log_param),
    Endpoint("POST", "runs/set-tag", asks.RunTag, set_tag),
    Endpoint("POST", "runs/delete-tag", asks.RunTag, delete_tag),
]
