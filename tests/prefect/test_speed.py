"""What tracking adds to a task: tracked and plain ones in alternation, in one flow, into a local store."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from prefect import flow, task

from prefect_stageline import tracked_task
from stageline.workspace import Workspace

TASKS = 200
# The goal is 1.25. A shared machine in the middle of a test run can not hold a task to that, so this only
# catches what has gone badly wrong; the ratio is printed (pytest -s).
AT_MOST = 4.0


def body(x: float) -> dict[str, float]:
    return {"m": x}


@pytest.mark.slow
def test_a_tracked_task_costs_little_more_than_a_plain_one(workspace: Workspace):
    plain, tracked = task(body), tracked_task(body)

    @flow
    def alternating() -> tuple[list[float], list[float]]:
        timed(plain), timed(tracked)
        return tuple(
            map(list, zip(*((timed(plain), timed(tracked)) for _ in range(TASKS)), strict=True))
        )

    plain_s, tracked_s = alternating()
    ratio = statistics.median(tracked_s) / statistics.median(plain_s)
    print(
        f"\nplain {statistics.median(plain_s) * 1e3:.2f} ms, "
        f"tracked {statistics.median(tracked_s) * 1e3:.2f} ms: {ratio:.2f}x"
    )
    assert ratio < AT_MOST


def timed(run: Callable[[float], Any]) -> float:
    began = time.perf_counter()
    run(1.0)
    return time.perf_counter() - began
