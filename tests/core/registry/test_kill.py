"""kill -9 of a real process, between any two requests and at any moment, leaves the old state or the new one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import S3Server

from stageline import Workspace
from stageline.errors import Conflict
from stageline.registry import MetricRule, Policy, RequestStatus

PROGRAM = Path(__file__).with_name("mortal.py")
COMMANDS = ("register", "transition", "request", "approve")
SIGKILLED = -9


class Place:
    """A store with runs to register from, and models that are made for one attempt each."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.environment = {**os.environ, **environment}
        self._opened = Workspace.open(url)
        self.runs = [self._trained(rmse) for rmse in (0.9, 0.8, 0.7)]
        self._made = 0

    @property
    def workspace(self) -> Workspace:
        """As another process would see it: it remembers nothing but how to reach the store."""
        return Workspace(self._opened.store, self._opened.settings)

    def _trained(self, rmse: float) -> str:
        workspace = self.workspace
        run = workspace.runs.create()
        run.log_metrics({"rmse": rmse})
        run.end()
        workspace.artifacts(run.info.run_id).log_text(
            f"flavors: {{}}\nx: {rmse}\n", "model/MLmodel"
        )
        return run.info.run_id

    def prepare(self) -> str:
        """Version 1 in Production, and a request that version 2 take its place; the name of that model."""
        self._made += 1
        name = f"wine-{self._made}"
        registry = self.workspace.registry
        for run_id in self.runs[:2]:
            registry.register(name, run_id, "model")
        registry.transition(name, 1, "Production")
        policy = Policy(rules=(MetricRule(condition="metrics.rmse < 1"),))
        registry.set_policy(name, "Production", policy)
        registry.request_transition(name, 2, "Production", archive_existing=True, actor="eve")
        return name

    def seen(self, name: str) -> tuple[Any, ...]:
        """What anybody can see of the model, but for times."""
        registry = self.workspace.registry
        assert registry.verify(name).is_intact
        return (
            [(one.version, one.current_stage, one.run_id) for one in registry.versions(name)],
            [
                (one.number, one.version, one.status, [yes.by for yes in one.approvals])
                for _, one in registry.requests(name, status=None)
            ],
        )


class Mortals:
    """`mortal.py`, waiting for commands."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), place.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=place.environment,
        )

    def carry_out(self, command: str, name: str, at: int = 0) -> int:
        """How the process ended that carried it out, and was to die after its request number `at`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command} {name} {self._place.runs[2]} {at}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def mortals(place: Place) -> Iterator[Mortals]:
    running = Mortals(place)
    try:
        yield running
    finally:
        running.close()


def kill_everywhere(place: Place, command: str) -> None:
    # Between two requests is after one of them; before the first, nothing has happened.
    old = place.seen(place.prepare())
    with mortals(place) as killed:
        name = place.prepare()
        assert killed.carry_out(command, name) == 0
        new = place.seen(name)
        assert new != old
        outcomes = []
        for at in range(1, 60):
            name = place.prepare()
            ended = killed.carry_out(command, name, at)
            if ended == 0:
                break
            assert ended == SIGKILLED
            found = place.seen(name)
            assert found in (old, new), f"killed after request {at}"
            outcomes.append(found == new)
            check_next_command(place, command, name, found == new)
            assert place.seen(name) == new
        assert not outcomes[0]
        assert outcomes[-1], "the last request is the one that decides"
        assert outcomes == sorted(outcomes), "what was decided stays decided"


def check_next_command(place: Place, command: str, name: str, is_done: bool) -> None:
    """The next one is not held up: what was not done can be done, what was done is there already."""
    registry = place.workspace.registry
    if command == "register":
        assert registry.register(name, place.runs[2], "model").version == 3
    elif command == "transition":
        registry.transition(name, 2, "Production", archive_existing=True)
    elif command == "request":
        assert registry.request_transition(name, 1, "Staging", actor="eve").number == 2
    elif is_done:
        with pytest.raises(Conflict, match="is approved already"):
            registry.approve(name, 1, actor="bob")
    else:
        assert registry.approve(name, 1, actor="bob").status is RequestStatus.APPROVED


def kill_at_any_moment(place: Place, rounds: int) -> None:
    for turn in range(rounds):
        name = f"beer-{turn}"
        told = killed_after(place, name, changes=random.randint(1, 12))
        registry = place.workspace.registry
        assert registry.verify(name).is_intact
        entries = registry.history(name)
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        # Registered (with the model at first), asked, approved, promoted: an entry each.
        assert len(entries) - len(told) in (0, 1), "all that was acknowledged is there, and no more"
        state = entries[-1].state
        promoted = [number for what, number in told if what == "promoted"]
        held = state.holding("Production")
        assert held in ([promoted[-1]] if promoted else [], [max(state.numbers())])
        # Whoever comes next goes on.
        number = registry.register(name, source="s3://next", digest="next").version
        assert number == max(state.numbers()) + 1
        registry.transition(name, number, "Production", archive_existing=True)
        assert registry.as_of(name, 2**53).holding("Production") == [number]


def killed_after(place: Place, name: str, changes: int) -> list[tuple[str, int]]:
    """What a process had told when it was killed, a moment after it told of so many changes."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), place.url, name],
        stdout=subprocess.PIPE,
        text=True,
        env=place.environment,
    )
    assert process.stdout is not None
    lines = []
    try:
        lines = [process.stdout.readline() for _ in range(changes)]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, 0.02))
    finally:
        process.kill()
        rest, _ = process.communicate()
    told = [line.split() for line in [*lines, *rest.splitlines()]]
    return [(what, int(number)) for what, number in told]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_kill_between_any_two_requests_in_a_folder(command: str, tmp_path: Path) -> None:
    kill_everywhere(Place(str(tmp_path / "store"), {}), command)


def test_kill_at_any_moment_in_a_folder(tmp_path: Path) -> None:
    kill_at_any_moment(Place(str(tmp_path / "store"), {}), rounds=6)


@pytest.fixture
def bucket(seaweedfs_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in seaweedfs_server.environment().items():
        monkeypatch.setenv(name, value)
    return Place(seaweedfs_server.new_place(), seaweedfs_server.environment())


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_kill_between_any_two_requests_on_seaweedfs(command: str, bucket: Place) -> None:
    kill_everywhere(bucket, command)


@pytest.mark.slow
def test_kill_at_any_moment_on_seaweedfs(bucket: Place) -> None:
    kill_at_any_moment(bucket, rounds=3)
