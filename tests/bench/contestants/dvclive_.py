"""dvclive without DVC: plain files in a folder. It has no search, and its artifacts need a DVC repository."""

from __future__ import annotations

from dvclive import Live
from population import series
from stopwatch import Stopwatch, contest, folder_bytes


def opened(folder: str) -> Live:
    return Live(folder, save_dvc_exp=False, dvcyaml=None, report=None)


def log_metric(size: int) -> dict[str, float]:
    live = opened("live")
    points = series(size)
    with Stopwatch() as watch:
        for step, value, _ in points:
            live.step = step
            live.log_metric("loss", value)
    live.end()
    return watch.figures()


def empty_run(size: int) -> dict[str, float]:
    with Stopwatch() as watch:
        for number in range(size):
            opened(f"live-{number}").end()
    return watch.figures()


def batches(size: int) -> dict[str, float]:
    """It has no batches: one call a point."""
    figures = log_metric(size)
    return {**figures, "bytes_per_point": folder_bytes("live") / size}


if __name__ == "__main__":
    contest(globals())
