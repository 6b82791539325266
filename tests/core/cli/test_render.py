"""How values look, and that no value commands the terminal."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.cli.render import ago, clean, duration, sparkline
from stageline.cli.tables import Column, aligned, print_table

NOW = 1_700_000_000_000
FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(FLOATS), st.integers(1, 40))
def test_a_sparkline_is_as_long_as_its_series_but_no_longer_than_its_width(
    values: list[float], width: int
) -> None:
    assert len(sparkline(values, width)) == min(len(values), width)


def test_a_sparkline_shows_where_nothing_is_finite() -> None:
    assert sparkline([1.0, math.nan, math.inf, 2.0]) == "▁··█"


@given(st.text())
def test_clean_text_stays_on_one_line_and_sends_no_escape(text: str) -> None:
    shown = clean(text)
    assert len(shown) == len(text)
    assert not set(shown) & {"\x1b", "\n", "\r", "\t", "\x9b", "\0"}


@given(st.integers(0, 10**13))
def test_durations_and_ages_have_at_most_two_parts(milliseconds: int) -> None:
    assert len(duration(milliseconds).split()) <= 2
    assert ago(NOW - milliseconds, NOW)


def test_columns_are_aligned_and_nothing_is_cut() -> None:
    columns = [Column("name"), Column("loss", is_number=True)]
    rows = [["x" * 200, "1"], ["y", "20.5"]]
    lines = aligned(columns, rows)
    assert len(lines[1]) == len(lines[2]) == 206
    assert lines[2].endswith("20.5")


def test_what_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column("name")], [["[red]alert[/red]"]], fancy=True)
    assert "[red]alert[/red]" in capsys.readouterr().out
