"""docs/scale.md says what is counted now: requests exactly, bytes and money within 6 %."""

from __future__ import annotations

import math

import pytest
from operations import Operations, counted
from page import PAGE, in_page, tables

from stageline.tracking.pulse import PULSE

NEAR = 0.06
"""Ids are random, and so is how well they compress; a format that changes moves more than this."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Operations:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PULSE, "add", lambda beat: None)
        return counted(tmp_path_factory.mktemp("scale"))


def test_page_has_the_tables_that_are_worked_out(operations: Operations) -> None:
    assert in_page(PAGE.read_text()).keys() == tables(operations).keys()


def test_figures_of_the_page_are_those_that_are_counted(operations: Operations) -> None:
    said = in_page(PAGE.read_text())
    wrong = [
        f"{name}: the page says {' | '.join(old)}, counted is {' | '.join(new)}"
        for name, rows in tables(operations).items()
        for old, new in zip(said[name], rows, strict=True)
        if len(old) != len(new) or not all(map(_alike, old, new))
    ]
    assert not wrong, "\n".join([*wrong, "write them anew: python tests/core/scale/page.py"])


def test_a_figure_that_drifts_is_noticed() -> None:
    assert _alike("1,000", "1,001")
    assert not _alike("1,000", "1,100")
    assert not _alike("5", "6")
    assert not _alike("all", "some")


def test_requests_are_those_of_the_budget(operations: Operations) -> None:
    assert (operations.run.put, operations.run.get, operations.run.list) == (5, 0, 0)
    assert (operations.search.list, operations.search.get) == (2, 0)
    assert (operations.transition.put, operations.transition.get) == (1, 0)
    assert operations.fold.delete == 2


def _alike(one: str, other: str) -> bool:
    try:
        a, b = (float(text.replace(",", "")) for text in (one, other))
    except ValueError:
        return one == other
    return math.isclose(a, b, rel_tol=NEAR)
