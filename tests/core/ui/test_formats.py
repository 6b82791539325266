"""Numbers, times and sizes as pages write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.ui import formats

MINUS = formats.MINUS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"), (0.1, "0.1"), (12345.678, "12,346"), (1234.56, "1,234.6"), (1.2e-5, "1.200e-05"),
        (0, "0"), (1_000_000, "1,000,000"), (-0.5, f"{MINUS}0.5"), (3.0, "3"), (2.5e30, "2.500e+30"),
        (float("nan"), "NaN"), (float("inf"), "\N{INFINITY}"), (float("-inf"), f"{MINUS}\N{INFINITY}"),
        (None, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_a_number_has_four_digits_that_count(value: float | None, text: str) -> None:
    assert formats.number(value) == text


@given(st.floats())
def test_any_number_can_be_written(value: float) -> None:
    assert 0 < len(formats.number(value)) < 24
    assert formats.signed(value)


def test_differences_have_a_sign() -> None:
    assert formats.signed(0.012) == "+0.012"
    assert formats.signed(-2) == f"{MINUS}2"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (420, "420 ms"), (3200, "3.2 s"), (59_970, "1 min"), (725_000, "12 min 5 s"), (12_000_000, "3 h 20 min"),
        (86_400_000, "1 d"), (187_200_000, "2 d 4 h"), (None, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(milliseconds: float | None, text: str) -> None:
    assert formats.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (512, "512 B"), (1536, "1.5 KB"), (1 << 20, "1.0 MB"), (1023 << 20, "1023 MB"),
        (None, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_a_size_has_steps_of_1024(size: int | None, text: str) -> None:
    assert formats.nbytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"), (59, "just now"), (60, "1 min ago"), (7200, "2 h ago"), (-7200, "in 2 h"),
        (40 * 86_400, "1 mo ago"),
    ],
)  # fmt: skip
def test_an_age_has_one_unit(seconds: int, text: str) -> None:
    assert formats.age(1_000_000_000_000 - seconds * 1000, 1_000_000_000_000) == text


@given(st.integers(-(2**63), 2**63))
def test_a_clock_that_went_wrong_takes_no_page_down(moment: int) -> None:
    assert "UTC" in formats.absolute(moment)
    assert formats.time_element(moment, 0)
