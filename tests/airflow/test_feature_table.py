"""The table in docs/airflow.md speaks of no test that is not there, and the page of every setting."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_stageline.provider_info import get_provider_info

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "airflow.md").read_text()


def rows() -> list[list[str]]:
    _, _, table = PAGE.partition("## Every feature of Airflow")
    cells = [line.strip("|\n ").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [row for row in cells[1:] if len(row) == 2]


def named(cell: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", cell)


def test_every_row_names_tests_that_are_there():
    source = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    assert len(rows()) > 20
    assert [row for row in rows() if not named(row[1])] == []
    assert {name for row in rows() for name in named(row[1])} - there == set()


def test_every_setting_is_on_the_page():
    config: dict = get_provider_info()["config"]  # type: ignore[assignment]
    (fields,) = [one["conn-fields"] for one in get_provider_info()["connection-types"]]  # type: ignore[attr-defined]
    for name in (*config["stageline"]["options"], *fields):
        assert f"`{name}`" in PAGE, name
