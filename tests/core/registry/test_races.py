"""Sixteen at once: exactly one wins each race, and the journal has every loser's word and no gap."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from registered import MadeUpFacts, new_store
from servers import S3Server

from stageline import Workspace
from stageline.clock import SystemClock
from stageline.domain.policy import Policy
from stageline.errors import Conflict
from stageline.registry.registry import Registry

RACERS = 16


def prepare(registry: Registry, rounds: int) -> None:
    for turn in range(1, rounds + 1):
        for number in range(RACERS + 1):
            registry.register(f"m{turn}", source=f"s3://{number}")
        registry.set_policy(f"m{turn}", "Staging", Policy(max_versions=1))


def race(url: str, rounds: int, environment: dict[str, str]) -> list[str]:
    racers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("promote.py")), url, str(n), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        for n in range(1, RACERS + 1)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
        racer.stdin = None
    won: list[str] = []
    for racer in racers:
        output, _ = racer.communicate(timeout=300)
        assert racer.returncode == 0
        won += output.splitlines()
    return won


def check(registry: Registry, won: list[str], rounds: int) -> None:
    wins = Counter(line.rpartition(" ")[0] for line in won)
    assert wins == {f"m{t} {kind}": 1 for t in range(1, rounds + 1) for kind in ("shared", "place")}
    for turn in range(1, rounds + 1):
        name = f"m{turn}"
        history = registry.history(name)
        assert [entry.number for entry in history] == list(range(1, len(history) + 1))
        # Registered, the policy, two winners, and a refused request of each who found no place.
        assert len(history) == (RACERS + 1) + 1 + 2 + (RACERS - 1)
        assert registry.verify(name).is_intact
        (holder,) = history[-1].state.holding("Staging")
        assert f"{name} place {holder - 1}" in won


def test_one_process_wins_in_a_folder(tmp_path: Path) -> None:
    registry = Workspace.open(tmp_path).registry
    prepare(registry, 2)
    check(registry, race(str(tmp_path), 2, {}), 2)


@pytest.mark.slow
def test_one_process_wins_on_seaweedfs(
    seaweedfs_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweedfs_server.environment().items():
        monkeypatch.setenv(name, value)
    url = seaweedfs_server.new_place()
    registry = Workspace.open(url).registry
    prepare(registry, 1)
    check(registry, race(url, 1, seaweedfs_server.environment()), 1)


@pytest.mark.parametrize("shares_memory", [True, False], ids=["one registry", "one each"])
def test_one_thread_wins(shares_memory: bool) -> None:
    store = new_store()
    first = Registry.of(store, SystemClock(), MadeUpFacts(), "ann")
    first.register("wine", source="s3://1")
    barrier = threading.Barrier(RACERS)
    won: list[int] = []
    lost: list[int] = []

    def promote(number: int) -> None:
        registry = first if shares_memory else Registry.of(store, SystemClock(), MadeUpFacts(), "x")
        barrier.wait()
        try:
            registry.transition("wine", 1, "Production", expected_stage="None")
            won.append(number)
        except Conflict:
            lost.append(number)
        registry.register("wine", source=f"s3://{number}", tags={"by": str(number)})
        registry.set_tag("wine", str(number), "was here")

    threads = [threading.Thread(target=promote, args=(n,)) for n in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert (len(won), len(lost)) == (1, RACERS - 1)
    versions = first.versions("wine")
    assert [version.version for version in versions] == list(range(1, RACERS + 2))
    assert {version.tags.get("by") for version in versions[1:]} == {str(n) for n in range(RACERS)}
    assert len(first.get("wine").tags) == RACERS
    history = first.history("wine")
    assert [entry.number for entry in history] == list(range(1, 1 + 1 + 2 * RACERS + 1))
    assert first.verify("wine").is_intact
