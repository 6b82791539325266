"""Points of metrics on their way into a log: checked, encoded, or put into columns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stageline.domain import events as ev
from stageline.domain import names
from stageline.domain.run import MetricPoint, Point
from stageline.storage.series import Series

if TYPE_CHECKING:
    from collections.abc import Callable


_FAR = 1 << 62
"""Steps and times below it need no closer look: they, and their differences, fit in 64 bits."""

_encode = ev.encode_event


def point_logger(append: Callable[[bytes], None], known: set[str]) -> Callable[..., None]:
    """What logs one point: with `append`, where `known` are the keys that have been checked."""
    # A closure for the same reason as the log's `append`.
    encode, clock, check = _encode, time.time_ns, checked_point

    def log_metric(key: str, value: float, step: int = 0, timestamp: int | None = None) -> None:
        """Log one point. On disk when this returns.

        Args:
            key: Name of the metric.
            value: Any number; NaN and infinities are kept.
            step: Where in the training, any 64-bit integer.
            timestamp: Unix time in milliseconds; now if not given.

        Raises:
            InvalidInput: the key or a value breaks a rule; nothing is logged.
            StorageFailed: the disk did not take the record.
        """
        if (
            type(value) is float
            and key in known
            and type(step) is int
            and timestamp is None
            and -_FAR < step < _FAR
        ):
            append(encode((2, key, value, step, clock() // 1_000_000)))
        else:
            at = clock() // 1_000_000 if timestamp is None else timestamp
            append(encode((2, *check((key, value, step, at), known))))

    return log_metric


def columns_of(points: list[Point], known: set[str]) -> dict[str, Series]:
    """A batch by key. Raises `InvalidInput`; then nothing of it is to be logged."""
    # Looked at by column, which the interpreter does at the speed of C; one odd point and all are looked at singly.
    keys, values, steps, times = zip(*points, strict=True)
    are_plain = (
        known.issuperset(keys)
        and set(map(type, values)) == {float}
        and set(map(type, steps)) == set(map(type, times)) == {int}
        and min(times) >= 0
    )
    if not are_plain:
        points = [checked_point(point, known) for point in points]
        keys, values, steps, times = zip(*points, strict=True)
    try:
        if len(set(keys)) == 1:
            return {keys[0]: Series(steps, times, values)}
        return _apart(points)
    except OverflowError:  # a plain integer, but not one of 64 bits: say which
        return _apart([checked_point(point, known) for point in points])


def _apart(points: list[Point]) -> dict[str, Series]:
    columns: dict[str, Series] = {}
    for key, value, step, timestamp in points:
        series = columns.get(key)
        if series is None:
            series = columns[key] = Series()
        series.append(step, timestamp, value)
    return columns


def checked_point(point: Point, known: set[str]) -> MetricPoint:
    """A point in the form to record. Raises `InvalidInput`."""
    key, value, step, timestamp = point
    if key not in known:
        known.add(names.check_key("metric", key))
    return MetricPoint(
        key,
        names.check_metric_value(value),
        names.check_step(step),
        names.check_timestamp(timestamp),
    )
