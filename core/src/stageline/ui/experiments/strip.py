"""The latest runs as a strip of bars, the newest at the right: how each ended by colour, how long it took by height."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from stageline.ui.formats import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.ui.experiments.overview import LastRun

HEIGHT, LEAST = 20, 6
WIDTH, STEP = 5, 7


class Bar(NamedTuple):
    """One run."""

    x: int
    y: float
    height: float
    status: str
    title: str


class Strip(NamedTuple):
    """All of them."""

    bars: list[Bar]
    label: str
    """The same in words."""


def strip(last: Sequence[LastRun], places: int) -> Strip:
    """The strip of runs, of which the latest is the first; it has room for so many."""
    logs = [math.log10(max(run.duration_ms, 1)) for run in last]
    low, span = min(logs, default=0.0), max(logs, default=0.0) - min(logs, default=0.0)
    bars = []
    for place, (run, log) in enumerate(zip(last, logs, strict=True)):
        share = (log - low) / span if span else 0.5
        height = round(LEAST + share * (HEIGHT - LEAST), 1)
        title = f"{run.name or run.run_id[:12]}: {run.status.lower()}, {duration(run.duration_ms)}"
        x = (places - 1 - place) * STEP
        bars.append(Bar(x, round(HEIGHT - height, 1), height, run.status.lower(), title))
    counts = Counter(run.status.lower() for run in last)
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return Strip(
        bars[::-1], f"Last {len(last)} runs: {told}" if len(last) > 1 else f"Last run: {told}"
    )
