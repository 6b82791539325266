"""The table in docs/prefect.md speaks of every option that Prefect has, and of no test that is not there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from prefect.tasks import Task, TaskOptions

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "prefect.md"


def rows() -> list[list[str]]:
    _, _, table = PAGE.read_text().partition("## Every feature of `@task`")
    cells = [line.strip("|\n ").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [row for row in cells[1:] if len(row) == 3]


def named(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_option_of_prefect_has_a_row():
    options = {*inspect.signature(Task.__init__).parameters, *TaskOptions.__annotations__}
    told = {name for _, options, _ in rows() for name in named(options)}
    assert told == options - {"self"}


def test_every_row_names_tests_that_are_there():
    source = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    assert [row for row in rows() if not named(row[2])] == []
    assert {name for row in rows() for name in named(row[2])} - there == set()
