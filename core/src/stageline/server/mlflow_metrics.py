"""MLflow's routes of metric histories: in pages, and thinned out for charts of many runs."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from stageline.domain.page import check_max_results, decode_token, encode_token
from stageline.errors import InvalidInput
from stageline.server import asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_experiments import paged
from stageline.server.mlflow_shapes import Shape, metric_shape
from stageline.server.wire import required

if TYPE_CHECKING:
    from stageline.domain.run import MetricPoint

HISTORY_PAGE = 25_000
MOST_RUNS = 100
BULK_POINTS = 25_000
INTERVAL_POINTS, MOST_INTERVAL_POINTS = 320, 2500


def history(call: Call, ask: asks.MetricHistory) -> Shape:
    run_id = required("run_id", ask.run_id or ask.run_uuid)
    key = required("metric_key", ask.metric_key)
    count = check_max_results(ask.max_results, default=HISTORY_PAGE)
    start = decode_token(ask.page_token)
    points = call.replica.histories.points(run_id, key, goes_on=start > 0, page=count)
    page = points[start : start + count]
    token = encode_token(start + count) if len(points) > start + count else None
    return paged("metrics", [metric_shape(point) for point in page], token)


def bulk(call: Call, ask: asks.BulkHistory) -> Shape:
    key = required("metric_key", ask.metric_key)
    most = min(check_max_results(ask.max_results, default=BULK_POINTS), BULK_POINTS)
    shapes: list[Shape] = []
    for run_id in _run_ids(ask):
        points = call.workspace.runs.metric_history(run_id, key)[: most - len(shapes)]
        shapes += ({**metric_shape(point), "run_id": run_id} for point in points)
        if len(shapes) >= most:
            break
    return {"metrics": shapes}


def bulk_interval(call: Call, ask: asks.BulkHistory) -> Shape:
    key = required("metric_key", ask.metric_key)
    most = check_max_results(ask.max_results, default=INTERVAL_POINTS, limit=MOST_INTERVAL_POINTS)
    if (ask.start_step is None) != (ask.end_step is None):
        raise InvalidInput(
            "If either start step or end step are specified, both must be specified."
        )
    first, last = ask.start_step, ask.end_step
    if first is not None and last is not None and first > last:
        raise InvalidInput(
            f"end_step must be greater than start_step. Found start_step={first} and end_step={last}."
        )
    found: dict[str, list[MetricPoint]] = {}
    for run_id in _run_ids(ask):
        points = call.workspace.runs.metric_history(run_id, key)
        if first is not None and last is not None:
            points = [point for point in points if first <= point.step <= last]
        found[run_id] = points
    steps = _thinned(sorted({point.step for points in found.values() for point in points}), most)
    ends = {points[-1].step for points in found.values() if points}
    wanted = set(steps) | ends
    return {
        "metrics": [
            {**metric_shape(point), "run_id": run_id}
            for run_id, points in found.items()
            for point in [one for one in points if one.step in wanted][:MOST_INTERVAL_POINTS]
        ]
    }


def _run_ids(ask: asks.BulkHistory) -> list[str]:
    given = list(dict.fromkeys([*ask.run_id, *ask.run_ids]))
    if not given:
        raise InvalidInput("Missing value for required parameter 'run_ids'.")
    if len(given) > MOST_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulk request cannot specify more than {MOST_RUNS} run_ids. Received {len(given)} run_ids."
        )
    return given


def _thinned(steps: list[int], most: int) -> list[int]:
    """At most `most` of `steps`, at even distances, the first and the last among them."""
    if len(steps) <= most or most < 2:
        return steps[:most]
    first, width = steps[0], steps[-1] - steps[0]
    picked = {
        min(bisect_left(steps, first + width * n / (most - 1)), len(steps) - 1) for n in range(most)
    }
    return [steps[index] for index in sorted(picked)]


ENDPOINTS = [
    Endpoint("GET", "metrics/get-history", asks.MetricHistory, history),
    Endpoint("GET", "metrics/get-history-bulk", asks.BulkHistory, bulk),
    Endpoint("GET", "metrics/get-history-bulk-interval", asks.BulkHistory, bulk_interval),
]
