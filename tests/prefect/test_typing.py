"""What mypy makes of tracked tasks and flows: the user's own signature, and Prefect's options by name and type."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RIGHT = """
from collections.abc import AsyncIterator, Iterator
from typing_extensions import assert_type
from prefect import flow
from prefect.futures import PrefectFuture
from prefect_stageline import TrackedFlow, TrackedTask, Tracking, track_flow, tracked_flow, tracked_task

@tracked_task
def bare(x: int, y: str = "a") -> dict[str, float]:
    return {}

@tracked_task(retries=2, tracking=Tracking(experiment="grid"))
def called(x: int) -> float:
    return 1.0

@tracked_task
async def awaited(x: int) -> str:
    return ""

@tracked_task
def items(n: int) -> Iterator[int]:
    yield 1

@tracked_flow
def whole(n: int) -> list[float]:
    assert_type(bare(1, y="b"), dict[str, float])
    assert_type(called(2), float)
    assert_type(called.submit(2).result(), float)
    return [1.0]

@tracked_flow(retries=1, log_prints=True)
def optioned(n: int) -> int:
    return n

@flow
def plain(n: int) -> int:
    return n

async def main() -> None:
    assert_type(await awaited(1), str)
    assert_type(whole(1), list[float])
    assert_type(optioned(1), int)

assert_type(bare.with_options(retries=3, tracking=Tracking())(1), dict[str, float])
tracked: TrackedTask[[int], float] = called
assert_type(track_flow(plain)(1), int)
a_flow: TrackedFlow[[int], int] = track_flow(plain, tracking=Tracking(store="s3://bucket"))
"""

WRONG = """
from prefect_stageline import Tracking, tracked_flow, tracked_task
@tracked_task(retrys=2)  # call-overload
def one() -> None: ...
@tracked_task(retries="two")  # call-overload
def two() -> None: ...
@tracked_task
def three(x: int) -> None: ...
three("a")  # call-overload
@tracked_flow(retry=1)  # call-overload
def four() -> None: ...
Tracking(nest="inside")  # arg-type
"""


def told(tmp_path: Path, program: str) -> list[str]:
    (tmp_path / "program.py").write_text(program)
    command = [
        sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context",
        "--cache-dir", str(ROOT / ".mypy_cache"), str(tmp_path / "program.py"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if "program.py" in line and "error:" in line]


@pytest.mark.slow
def test_a_type_checker_sees_through_tracked_task(tmp_path: Path):
    assert told(tmp_path, RIGHT) == []


@pytest.mark.slow
def test_a_type_checker_refuses_what_is_no_option(tmp_path: Path):
    expected = {
        number: line.rpartition("# ")[2]
        for number, line in enumerate(WRONG.splitlines(), start=1)
        if "  # " in line
    }
    found = [re.search(r":(\d+): error: .*\[([\w-]+)\]$", line) for line in told(tmp_path, WRONG)]
    # A decorator that is refused is then taken for an untyped one: the same mistake, told twice.
    kinds = {int(one[1]): one[2] for one in found if one and one[2] != "untyped-decorator"}
    assert kinds == expected
