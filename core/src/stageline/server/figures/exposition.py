"""`/metrics`: the figures of all workers in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from stageline.server.figures.rows import BUCKETS, Snapshot, full_route

if TYPE_CHECKING:
    from stageline.server.figures.figures import Figures

REASONS = {
    400: "invalid", 401: "not_signed_in", 403: "not_allowed", 404: "not_found", 405: "method",
    408: "too_slow", 409: "conflict", 413: "too_long", 416: "range", 429: "too_many",
    501: "not_implemented", 503: "store_away",
}  # fmt: skip
"""Why requests are refused, by status."""
_LABELS = ("route", "method")


def exposed(figures: Figures) -> tuple[bytes, str]:
    """The text, and its media type. Reads files and asks open runs: not for an event loop."""
    registry = CollectorRegistry()
    registry.register(_Told(figures.together()))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Told(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        yield from _requests(self._snapshot)
        yield from _store(self._snapshot)
        yield from _gauges(self._snapshot)


def _requests(snapshot: Snapshot) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "stageline_requests",
        "Requests that were answered; status 0: the client left before.",
        labels=(*_LABELS, "status"),
    )
    sent = CounterMetricFamily(
        "stageline_sent_bytes", "Bytes of bodies that were sent.", labels=_LABELS
    )
    refused = CounterMetricFamily(
        "stageline_refused", "Requests that were refused or failed.", labels=("reason",)
    )
    seconds = HistogramMetricFamily(
        "stageline_request_seconds", "From a request's head to its answer's end.", labels=_LABELS
    )
    reasons: Counter[str] = Counter()
    bytes_by: Counter[tuple[str, str]] = Counter()
    seconds_by: Counter[tuple[str, str]] = Counter()
    buckets_by: dict[tuple[str, str], list[int]] = {}
    for row in sorted(snapshot.rows, key=lambda one: (one.route, one.method, one.status)):
        labels = (full_route(row.route), row.method)
        requests.add_metric((*labels, str(row.status)), row.count)
        bytes_by[labels] += row.sent_bytes
        seconds_by[labels] += row.seconds  # type: ignore[assignment]  # a Counter adds floats too
        known = buckets_by.setdefault(labels, [0] * len(row.buckets))
        buckets_by[labels] = [a + b for a, b in zip(known, row.buckets, strict=True)]
        if row.status >= 400:
            reasons[REASONS.get(row.status, "failed")] += row.count
    for labels, buckets in buckets_by.items():
        bounds = [*map(str, BUCKETS), "+Inf"]
        counts = list(accumulate(buckets))
        seconds.add_metric(labels, list(zip(bounds, counts, strict=True)), seconds_by[labels])
        sent.add_metric(labels, bytes_by[labels])
    for reason, count in sorted(reasons.items()):
        refused.add_metric((reason,), count)
    yield from (requests, seconds, sent, refused)


def _store(snapshot: Snapshot) -> Iterator[Metric]:
    asked = CounterMetricFamily(
        "stageline_store_requests", "What was asked of the store.", labels=("verb",)
    )
    failed = CounterMetricFamily(
        "stageline_store_failures", "What the store did not do.", labels=("verb",)
    )
    seconds = CounterMetricFamily(
        "stageline_store_seconds", "Seconds spent waiting for the store.", labels=("verb",)
    )
    for name, verb in sorted(snapshot.verbs.items()):
        asked.add_metric((name,), verb.count)
        failed.add_metric((name,), verb.failures)
        seconds.add_metric((name,), verb.seconds)
    yield from (asked, failed, seconds)


def _gauges(snapshot: Snapshot) -> Iterator[Metric]:
    now = snapshot.gauges
    for name, text, value in (
        ("requests_in_flight", "Requests that are being answered.", now.in_flight),
        ("open_runs", "Runs whose logs the workers keep open.", now.open_runs),
        ("unshipped_bytes", "Bytes logged that are not in the store yet.", now.unshipped_bytes),
        ("listeners", "Clients that wait for events.", now.listeners),
        ("workers", "Processes that answer.", now.workers),
        ("resident_memory_bytes", "Memory of the workers.", now.resident_bytes),
    ):
        yield GaugeMetricFamily(f"stageline_{name}", text, value=value)
    yield CounterMetricFamily(
        "stageline_cpu_seconds", "CPU time of the workers.", value=snapshot.cpu_seconds
    )
