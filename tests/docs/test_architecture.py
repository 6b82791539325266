"""docs/architecture.md against the code: its files exist, and the two calls take the ways that it describes."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from doc_blocks import ROOT

from stageline import Workspace
from stageline.domain.policy import MetricRule, Policy

PAGE = (ROOT / "docs" / "architecture.md").read_text()
CORE = ROOT / "core" / "src" / "stageline"
LAYERS = (ROOT / ".importlinter").read_text()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store")


def entered(call: Callable[[], object]) -> list[str]:
    """The modules of core, as files in the order of their first call, that a call enters in any thread it starts."""
    found: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        if event == "call" and name.startswith("stageline."):
            found.setdefault(name.removeprefix("stageline.").replace(".", "/") + ".py")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return list(found)


def told(title: str) -> list[str]:
    """The file that each numbered step of a section begins with, or names first."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    steps = re.findall(r"^\d+\. (.*(?:\n   .*)*)", section, re.MULTILINE)
    return [files[0] for step in steps if (files := re.findall(r"`(\w+/\w+\.py)`", step))]


def test_each_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(\w+/\w+\.py)`", PAGE))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (CORE / name).is_file()] == []


def rooms() -> Iterator[str]:
    table = PAGE.partition("| room |")[2].partition("\n\n")[0]
    for row in table.splitlines()[2:]:
        yield from re.findall(r"`(\w+)`", row.split("|")[1])


def test_the_rooms_are_those_of_the_layers() -> None:
    layers = LAYERS.partition("layers =")[2].partition("#")[0]
    own = [name for name in re.findall(r"\w+", layers) if name != "testing"]
    assert list(rooms()) == own


def test_log_metric_goes_through_two_modules(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_metric("loss", 1.0)
        assert entered(lambda: run.log_metric("loss", 0.5)) == told("One `log_metric`")[:2]


def test_a_transition_goes_the_way_that_is_described(workspace: Workspace) -> None:
    with workspace.runs.create() as run:
        run.log_metric("rmse", 0.5)
    registry = workspace.registry
    for _ in range(2):
        registry.register("wine", run_id=run.run_id, again=True)
    rule = MetricRule(condition="metrics.rmse < 0.8")
    registry.set_policy("wine", "Production", Policy(rules=(rule,)))
    registry.transition("wine", 1, "Production")
    way = entered(lambda: registry.transition("wine", 2, "Production", archive_existing=True))
    steps = told("One `transition`")
    assert len(steps) == 9
    assert [step for step in steps if step not in way] == []
    assert steps == sorted(steps, key=way.index)
