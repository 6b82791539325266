"""`make bench-prefect`: what tracking adds to a task of Prefect, in the body of a flow.

Plain and tracked tasks take turns in one flow, into a store in a folder on a disk; which of a pair comes first
alternates. A round is a flow of 200 pairs, and its figure the ratio of the medians. Each says what the disk took to
make an empty file just before: a tracked task makes two, and two folders, and a disk that has just lost many is slow.

With `--flows` a round is two flows in turn, one of 200 plain tasks and one of 200 tracked ones, and its figure the
ratio of their mean times: a full collection of garbage falls on either, so there it needs many rounds.
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
    parser.add_argument("--flows", action="store_true", help="whole flows in turn, not pairs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stageline-bench-", dir=given.dir) as folder:
        os.environ.update(
            PREFECT_HOME=f"{folder}/prefect",
            PREFECT_LOGGING_LEVEL="WARNING",
            STAGELINE_STORE=f"{folder}/store",
            STAGELINE_CACHE=f"{folder}/cache",
        )
        measure, summed_up = (
            (_flows, statistics.mean) if given.flows else (_pairs, statistics.median)
        )
        print(_table(given.rounds, Path(folder, "disk"), measure, summed_up))


def _table(
    rounds: int,
    disk: Path,
    measure: Callable[[int], tuple[list[Span], list[Span]]],
    summed_up: Callable[[list[float]], float],
) -> str:
    from prefect.testing.utilities import prefect_test_harness

    lines = [
        f"{os.cpu_count()} cores, {rounds} rounds of {PAIRS} tasks of each, the {summed_up.__name__} of each",
        "",
        "| load | to make a file, us | plain, ms | tracked, ms | ratio | plain, ms of CPU | more for a tracked one |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    ratios = []
    with prefect_test_harness(server_startup_timeout=PATIENCE_S):
        for number in range(rounds):
            making = _to_make_a_file(disk / str(number))
            plain, tracked = measure(number)
            wall, cpu = (
                [1e3 * summed_up([span[kind] for span in spans]) for spans in (plain, tracked)]
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


def _pairs(number: int) -> tuple[list[Span], list[Span]]:
    """One flow in which they take turns."""
    from prefect import flow

    plain, tracked = _tasks()

    @flow
    def alternating() -> tuple[list[Span], list[Span]]:
        _timed(plain), _timed(tracked)  # what is loaded late
        spans: tuple[list[Span], list[Span]] = ([], [])
        for turn in range(number, number + PAIRS):
            for which in (turn % 2, 1 - turn % 2):
                spans[which].append(_timed((plain, tracked)[which]))
        return spans

    return alternating()


def _flows(number: int) -> tuple[list[Span], list[Span]]:
    """A flow of each; which is first alternates."""
    from prefect import flow

    tasks = _tasks()

    @flow
    def alike(which: int) -> list[Span]:
        _timed(tasks[which])
        return [_timed(tasks[which]) for _ in range(PAIRS)]

    spans = {which: alike(which) for which in (number % 2, 1 - number % 2)}
    return spans[0], spans[1]


def _tasks() -> tuple[Callable[[float], Any], Callable[[float], Any]]:
    from prefect import task

    from prefect_stageline import tracked_task

    return task(_body), tracked_task(_body)


def _body(x: float) -> dict[str, float]:
    return {"m": x}


def _timed(run: Callable[[float], Any]) -> Span:
    began, cpu = time.perf_counter(), time.thread_time()
    run(1.0)
    return time.perf_counter() - began, time.thread_time() - cpu


if __name__ == "__main__":
    main()
