"""trackio, local. Its `log` hands over to a thread, so the time runs until `finish` has written all of it."""

from __future__ import annotations

import trackio
from population import series
from stopwatch import Stopwatch, contest, folder_bytes


def log_metric(size: int) -> dict[str, float]:
    trackio.init(project="bench")
    trackio.log({"loss": 0.0})
    points = series(size)
    with Stopwatch() as watch:
        for step, value, _ in points:
            trackio.log({"loss": value}, step=step)
        trackio.finish()
    return watch.figures()


def empty_run(size: int) -> dict[str, float]:
    trackio.init(project="bench")
    trackio.finish()
    with Stopwatch() as watch:
        for number in range(size):
            trackio.init(project="bench", name=f"run-{number}")
            trackio.finish()
    return watch.figures()


def batches(size: int) -> dict[str, float]:
    """It has no batches: one call a point."""
    figures = log_metric(size)
    return {**figures, "bytes_per_point": folder_bytes("trackio") / size}


if __name__ == "__main__":
    contest(globals())
