"""`make bench-prefect`: what tracking adds to a task of Prefect, in the body of a flow.

Plain and tracked tasks take turns in one flow, into a store in a folder on a disk; which of a pair comes first
alternates. A round is a flow of 200 pairs, and its figure the ratio of the medians. Each says what the disk took to
make an empty file just before: a tracked task makes three, and a disk that has just lost many is slow at it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAIRS = 200
PATIENCE_S = 120

Span = tuple[float, float]
"""Seconds by the clock, and of this thread's CPU."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-prefect", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dir", default="/var/tmp" if os.path.isdir("/var/tmp") else None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stageline-bench-", dir=given.dir) as folder:
        os.environ.update(
            PREFECT_HOME=f"{folder}/prefect",
            PREFECT_LOGGING_LEVEL="WARNING",
            STAGELINE_STORE=f"{folder}/store",
            STAGELINE_CACHE=f"{folder}/cache",
        )
        print(_table(given.rounds, Path(folder, "disk")))


def _table(rounds: int, disk: Path) -> str:
    from prefect.testing.utilities import prefect_test_harness

    lines = [
        f"{os.cpu_count()} cores, {rounds} rounds of {PAIRS} pairs, medians",
        "",
        "| load | to make a file, us | plain, ms | tracked, ms | ratio | plain, ms of CPU | more for a tracked one |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    ratios = []
    with prefect_test_harness(server_startup_timeout=PATIENCE_S):
        for number in range(rounds):
            making = _to_make_a_file(disk / str(number))
            plain, tracked = _round()
            wall, cpu = (
                [
                    1e3 * statistics.median(span[kind] for span in spans)
                    for spans in (plain, tracked)
                ]
                for kind in (0, 1)
            )
            ratios.append(wall[1] / wall[0])
            lines.append(
                f"| {os.getloadavg()[0]:.1f} | {1e6 * making:.0f} | {wall[0]:.2f} | {wall[1]:.2f} | {ratios[-1]:.2f} "
                f"| {cpu[0]:.2f} | {cpu[1] - cpu[0]:.2f} |"
            )
    return "\n".join([*lines, "", f"median ratio: {statistics.median(ratios):.2f}"])


def _to_make_a_file(folder: Path) -> float:
    """Seconds, the median of a hundred; they are left there, since to remove them would slow what follows."""
    folder.mkdir(parents=True)
    spans = []
    for number in range(100):
        began = time.perf_counter()
        (folder / str(number)).touch(exist_ok=False)
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)


def _round() -> tuple[list[Span], list[Span]]:
    from prefect import flow, task

    from prefect_stageline import tracked_task

    plain, tracked = task(_body), tracked_task(_body)

    @flow
    def alternating() -> tuple[list[Span], list[Span]]:
        _timed(plain), _timed(tracked)  # what is loaded late
        spans: tuple[list[Span], list[Span]] = ([], [])
        for number in range(PAIRS):
            for which in (number % 2, 1 - number % 2):
                spans[which].append(_timed((plain, tracked)[which]))
        return spans

    return alternating()


def _body(x: float) -> dict[str, float]:
    return {"m": x}


def _timed(run: Callable[[float], Any]) -> Span:
    began, cpu = time.perf_counter(), time.thread_time()
    run(1.0)
    return time.perf_counter() - began, time.thread_time() - cpu


if __name__ == "__main__":
    main()
