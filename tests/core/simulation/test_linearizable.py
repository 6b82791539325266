"""The registry under eight real processes: each recorded history has one order that explains every answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from linearizable import Call, is_linearizable, recorded, unexplained
from servers import S3Server
from told import Deed

PROCESSES = 8
ASKED = os.environ.get("HISTORIES")
"""Of 200 calls each; `make linearizability` asks for 300."""


@contextmanager
def rivals(url: str, environment: dict[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    racers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("rival.py")), url, f"p{number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment},
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    try:
        yield racers
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.close()
            assert racer.wait(60) == 0
    finally:
        for racer in racers:
            racer.kill()
            racer.wait(60)
            assert racer.stdout is not None
            racer.stdout.close()


def history(racers: list[subprocess.Popen[str]], seed: int) -> list[Call]:
    for racer in racers:
        assert racer.stdin is not None
        print(seed, file=racer.stdin, flush=True)
    lines = []
    for racer in racers:
        assert racer.stdout is not None
        lines += [json.loads(line) for line in iter(racer.stdout.readline, "done\n")]
    return [recorded(line, number) for number, line in enumerate(lines)]


def check(url: str, environment: dict[str, str], histories: int) -> None:
    with rivals(url, environment) as racers:
        for seed in range(int(ASKED or histories)):
            calls = history(racers, seed)
            assert len(calls) == 200
            assert {call.deed.outcome for call in calls} == {"done", "refused"}
            assert unexplained(calls) == [], f"history {seed}"


def test_registry_in_a_folder_is_linearizable(tmp_path: Path) -> None:
    check(str(tmp_path), {}, histories=4)


@pytest.mark.slow
def test_registry_on_seaweedfs_is_linearizable(seaweedfs_server: S3Server) -> None:
    check(seaweedfs_server.new_bucket(), seaweedfs_server.environment(), histories=1)


# -- the judge -------------------------------------------------------------------------------------


def register(began: int, ended: int, version: int | None, outcome: str = "done") -> Call:
    deed = Deed(0, "p", "p", "register", "wine", {}, 0, outcome=outcome, answer=version)  # type: ignore[arg-type]
    return Call(deed, began, ended)


def versions(began: int, ended: int, *found: int) -> Call:
    answer = dict.fromkeys(found, "None")
    return Call(
        Deed(0, "p", "p", "versions", "wine", {}, 0, outcome="done", answer=answer), began, ended
    )


def test_judge_accepts_what_one_order_explains() -> None:
    assert is_linearizable([register(0, 10, 2), register(1, 9, 1), versions(2, 8, 1)])
    assert is_linearizable([register(0, 1, None, "unknown"), register(2, 3, 1), versions(9, 10, 1)])
    assert is_linearizable([register(0, 1, None, "unknown"), register(2, 3, 2)])


@pytest.mark.parametrize(
    "calls",
    [
        [register(0, 10, 1), register(1, 9, 1)],
        [register(0, 1, 2), register(2, 3, 1)],
        [register(0, 1, 1), register(2, 3, 2), versions(4, 5, 1)],
        [register(0, 1, 1), versions(2, 3, 1, 2), register(4, 5, 2)],
        [register(0, 1, 1), register(2, 3, None, "refused")],
    ],
    ids=["a number twice", "out of order", "a stale answer", "news from later", "a baseless no"],
)
def test_judge_refuses_what_no_order_explains(calls: list[Call]) -> None:
    assert not is_linearizable(calls)
