"""What one operation costs: CPU, time, requests and bytes, as the median of a few."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from stageline.testing.counting import CountingStore, Counts


class Cost(NamedTuple):
    """Of one operation at one size."""

    step: str
    cpu_ms: float
    wall_ms: float
    requests: dict[str, float]
    """By verb; a listing counts once for each thousand names."""
    read_kb: float
    written_kb: float
    load: float
    """Of the machine, while it was measured."""


def cost_of(
    step: str,
    store: CountingStore,
    operation: Callable[[], Any],
    *,
    times: int = 5,
    before: Callable[[], Any] | None = None,
    share: int = 1,
) -> Cost:
    """The median CPU and time of `times` operations, each after `before`; the counts of the last. `share`: of how many
    an operation consists."""
    laps: list[tuple[float, float]] = []
    last = Counts()
    for _ in range(times):
        if before:
            before()
        with store.counted() as counts:
            wall, cpu = time.perf_counter(), time.process_time()
            operation()
            last = counts
            laps.append((time.process_time() - cpu, time.perf_counter() - wall))
    return Cost(
        step,
        round(median(lap[0] for lap in laps) * 1e3 / share, 3),
        round(median(lap[1] for lap in laps) * 1e3 / share, 3),
        {verb: round(count / share, 1) for verb, count in paged(last).items()},
        round(last.bytes_read / 1e3 / share, 1),
        round(last.bytes_written / 1e3 / share, 1),
        round(os.getloadavg()[0], 1),
    )


def paged(counts: Counts) -> dict[str, int]:
    """Requests by verb, as S3 would count them."""
    verbs = counts.by_verb()
    return {**verbs, "list": counts.pages} if counts.pages else verbs
