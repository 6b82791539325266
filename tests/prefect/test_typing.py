"""What mypy and pyright make of tracked tasks and flows: the user's signature, Prefect's options by name and type."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

RIGHT = """
from collections.abc import AsyncIterator, Iterator
from typing_extensions import assert_type
from prefect import flow
from prefect.futures import PrefectFuture, PrefectFutureList
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
    future: PrefectFuture[float] = called.submit(2)
    assert_type(called.submit(2).result(), float)
    assert_type(called.with_options(name="b").submit(2).result(), float)
    futures: PrefectFutureList[float] = called.map([1, 2])
    assert_type(futures.result(), list[float])
    assert_type(called.map([1, 2]).result(), list[float])
    return [future.result()]

@tracked_flow(retries=1, log_prints=True)
def optioned(n: int) -> int:
    return n

@flow
def plain(n: int) -> int:
    return n

class Model:
    @tracked_task
    def fit(self, n: int) -> float:
        return 1.0

async def main() -> None:
    assert_type(await awaited(1), str)
    assert_type(whole(1), list[float])
    assert_type(optioned(1), int)
    assert_type(optioned.with_options(retries=2)(1), int)
    assert_type(list(items(1)), list[int])

assert_type(bare.with_options(retries=3, tracking=Tracking())(1), dict[str, float])
tracked: TrackedTask[[int], float] = called
assert_type(track_flow(plain)(1), int)
a_flow: TrackedFlow[[int], int] = track_flow(plain, tracking=Tracking(store="s3://bucket"))
"""

WRONG = """
from prefect_stageline import Tracking, tracked_flow, tracked_task
@tracked_task(retrys=2)  # call-overload | reportCallIssue
def one() -> None: ...
@tracked_task(retries="two")  # call-overload | reportArgumentType
def two() -> None: ...
@tracked_task
def three(x: int) -> None: ...
three("a")  # call-overload | reportArgumentType
three.with_options(retries="two")  # arg-type | reportArgumentType
three.with_options(tracking=1)  # arg-type | reportArgumentType
@tracked_flow(retry=1)  # call-overload | reportCallIssue
def four() -> None: ...
Tracking(nest="inside")  # arg-type | reportArgumentType
"""


def marked(place: int) -> dict[int, str]:
    """What each wrong line is to be told by the checker in that `place` of its comment."""
    return {
        number: line.rpartition("# ")[2].split(" | ")[place]
        for number, line in enumerate(WRONG.splitlines(), start=1)
        if "  # " in line
    }


def told_by_mypy(tmp_path: Path, program: str) -> list[str]:
    (tmp_path / "program.py").write_text(program)
    command = [
        sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context",
        "--cache-dir", str(ROOT / ".mypy_cache"), str(tmp_path / "program.py"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if "program.py" in line and "error:" in line]


def told_by_pyright(tmp_path: Path, program: str) -> list[dict[str, Any]]:
    if shutil.which("node") is None:
        pytest.skip("pyright needs Node.js, and there is no `node` here")
    (tmp_path / "program.py").write_text(program)
    command = [
        sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable,
        str(tmp_path / "program.py"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280)
    answer = json.loads(done.stdout)
    assert answer["summary"]["filesAnalyzed"] == 1, done.stderr
    return list(answer["generalDiagnostics"])


@pytest.mark.slow
def test_mypy_sees_through_tracked_task(tmp_path: Path):
    assert told_by_mypy(tmp_path, RIGHT) == []


@pytest.mark.slow
def test_mypy_refuses_what_is_no_option(tmp_path: Path):
    lines = told_by_mypy(tmp_path, WRONG)
    found = [re.search(r":(\d+): error: .*\[([\w-]+)\]$", line) for line in lines]
    # A decorator that is refused is then taken for an untyped one: the same mistake, told twice.
    kinds = {int(one[1]): one[2] for one in found if one and one[2] != "untyped-decorator"}
    assert kinds == marked(0)


@pytest.mark.slow
def test_pyright_sees_through_tracked_task(tmp_path: Path):
    assert told_by_pyright(tmp_path, RIGHT) == []


@pytest.mark.slow
def test_pyright_refuses_what_is_no_option(tmp_path: Path):
    found = [
        (one["range"]["start"]["line"] + 1, one["severity"], one["rule"])
        for one in told_by_pyright(tmp_path, WRONG)
    ]
    assert found == [(line, "error", rule) for line, rule in marked(1).items()]
