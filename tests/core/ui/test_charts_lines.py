"""Series as lines: thinned but of the same shape, along each axis, and only the stretch that is asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stageline.storage.series import Series
from stageline.ui.charts.lines import Stretch, lines_of, note
from stageline.ui.charts.thinning import MOST_OF_A_CHART, share, thinned


def a_series(count: int) -> Series:
    return Series(range(count), range(1000, 1000 + 100 * count, 100), map(float, range(count)))


def test_million_points_become_two_thousand_that_keep_ends_and_extremes() -> None:
    y = np.sin(np.arange(1_000_000) / 1000)
    y[123_456], y[654_321] = 9.0, -9.0
    places = thinned(np.arange(1_000_000), y, 2000)
    assert len(places) == 2000
    assert list(places) == sorted(set(places.tolist()))
    assert {0, 123_456, 654_321, 999_999} <= set(places.tolist())


def test_few_points_are_all_kept() -> None:
    assert thinned(np.arange(7), np.ones(7), 7).tolist() == list(range(7))


def test_lines_of_a_chart_share_its_points() -> None:
    assert share(1) == 2000
    assert all(count * share(count) <= MOST_OF_A_CHART for count in range(2, 41))


def test_line_says_how_many_of_its_points_are_drawn() -> None:
    (line,) = lines_of("r", "loss", {1: a_series(10_000)}, most=500)
    assert (len(line.x), len(line.y), line.total) == (500, 500, 10_000)
    assert note([line]) == "500 of 10,000 points"
    assert note(lines_of("r", "loss", {1: a_series(10)}, most=500)) == ""


@pytest.mark.parametrize(
    ("axis", "expected"),
    [("step", [0, 1, 2]), ("time", [1000, 1100, 1200]), ("relative", [0.0, 0.1, 0.2])],
)
def test_each_axis_has_its_unit(axis: str, expected: list[float]) -> None:
    (line,) = lines_of("r", "loss", {1: a_series(3)}, axis=axis, most=10)
    assert line.x == expected


def test_relative_time_begins_with_the_first_point_of_any_attempt() -> None:
    first, second = Series([0], [5_000], [1.0]), Series([0], [9_000], [2.0])
    lines = lines_of("r", "loss", {2: second, 1: first}, axis="relative", most=10)
    assert [(line.attempt, line.is_last, line.x) for line in lines] == [
        (1, False, [0.0]),
        (2, True, [4.0]),
    ]


def test_stretch_is_drawn_finer_and_reaches_one_point_beyond_its_ends() -> None:
    (line,) = lines_of("r", "loss", {1: a_series(10_000)}, stretch=Stretch(100, 200), most=500)
    assert line.x == list(range(99, 202))
    assert line.total == 103


def test_points_out_of_order_are_drawn_in_order() -> None:
    series = Series([2, 0, 1, 0], [4, 3, 2, 1], [2.0, 0.5, 1.0, 0.0])
    (line,) = lines_of("r", "loss", {1: series}, most=10)
    assert (line.x, line.y) == ([0, 0, 1, 2], [0.0, 0.5, 1.0, 2.0])


def test_what_no_chart_can_show_is_counted() -> None:
    series = Series(range(4), range(4), [1.0, math.nan, math.inf, 2.0])
    (line,) = lines_of("r", "loss", {1: series}, most=10)
    assert (line.x, line.total, line.left_out) == ([0, 3], 2, 2)
    assert note([line]) == "2 NaN or infinite not drawn"


def test_logarithmic_axis_has_no_zero_and_fine_points_at_its_beginning() -> None:
    (plain,) = lines_of("r", "loss", {1: a_series(100_000)}, most=200)
    (bent,) = lines_of("r", "loss", {1: a_series(100_000)}, is_log=True, most=200)
    assert min(bent.x) == 1
    assert sum(x < 1000 for x in bent.x) > 10 * sum(x < 1000 for x in plain.x)


def test_metric_without_points_has_no_line() -> None:
    assert lines_of("r", "loss", {}, most=10) == []
