"""Simulated histories: many clients, every kind of trouble, judged by what the clients were told (docs/faults.md)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from history import play
from planted import BUGS, caught
from trouble import Kind, Trouble, death, only

SEEDS = 100
STEPS = [
    f"{when} {step}"
    for when in ("before", "after")
    for step in (
        "create start", "replace heartbeat", "create segment", "replace artifact", "replace end", "replace inbox",
        "create experiment entry", "create name claim", "create shard", "create manifest", "delete inbox",
        "create mark", "delete segment", "delete end", "delete start", "create registry entry",
        "create verdict", "delete verdict",
    )
]  # fmt: skip
QUICK_BUGS = (
    "no read-back: a create that says it exists is taken for lost",
    "the manifest names a shard that has not landed",
    "a run is ended before the rest of its log is shipped",
    "a segment that is in the store already is sent again under the next number",
)


@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_nothing_promised_is_lost_invented_or_doubled(first: int) -> None:
    for seed in range(first, first + 10):
        assert play(seed).violations == [], f"python tests/core/simulation --show {seed}"


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_of_trouble_happens_and_does_no_harm(kind: Kind) -> None:
    for seed in range(60):
        history = play(seed, only(kind, seed))
        assert history.violations == [], f"seed {seed}"
        if history.fired[kind]:
            return
    pytest.fail(f"{kind.value!r} did not happen in 60 histories")


@pytest.mark.parametrize("step", STEPS)
def test_process_that_dies_at_a_step_breaks_no_promise(step: str) -> None:
    for seed in range(60):
        history = play(seed, death(step, seed))
        assert history.violations == [], f"seed {seed}"
        if history.steps[step]:
            return
    pytest.fail(f"nobody came to the step {step!r} in 60 histories")


def test_calm_history_has_no_trouble_and_no_excuse() -> None:
    history = play(3, Trouble(Random(0)))
    assert (history.violations, sum(history.fired.values())) == ([], 0)
    assert "Failed" not in "\n".join(history.trace)


@pytest.mark.parametrize("seed", [1, 5, 7])
def test_seed_replays_byte_for_byte(seed: int) -> None:
    history = play(seed)
    assert history.trace == play(seed).trace
    shown = subprocess.run(
        [sys.executable, str(Path(__file__).parent), "--show", str(seed)],
        capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
    )  # fmt: skip
    assert shown.stdout.splitlines() == history.trace


@pytest.mark.parametrize("bug", QUICK_BUGS)
def test_planted_bug_is_found_within_a_hundred_seeds(bug: str) -> None:
    history = caught(bug)
    assert history is not None
    assert play(history.seed).violations == [], "and it is the bug that is found"


@pytest.mark.slow
@pytest.mark.parametrize("bug", sorted(BUGS.keys() - set(QUICK_BUGS)))
def test_every_other_planted_bug_is_found_too(bug: str) -> None:
    assert caught(bug) is not None
