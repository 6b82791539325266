"""What a comparison means."""

from __future__ import annotations

import math
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.like import like, matches
from stageline.domain.query import EXPERIMENTS, RUNS, Operator, parse_filter


def holds(text, value, vocabulary=RUNS):
    [comparison] = parse_filter(text, vocabulary)
    return matches(comparison, value)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("metrics.a > 1", 1.5, True),
        ("metrics.a > 1", 1.0, False),
        ("metrics.a >= 1", 1.0, True),
        ("metrics.a < 1", 0, True),
        ("metrics.a <= 1", 1, True),
        ("metrics.a = 1", 1.0, True),
        ("metrics.a != 1", 1.0, False),
        ("metrics.a > 1", math.inf, True),
        ("metrics.a < 1", -math.inf, True),
        ("params.a = 'x'", "x", True),
        ("params.a = 'x'", "X", False),
        ("params.a != 'x'", "X", True),
        ("run_id IN ('a', 'b')", "b", True),
        ("run_id NOT IN ('a', 'b')", "b", False),
        ("run_id NOT IN ('a', 'b')", "c", True),
        ("params.a IS NULL", None, True),
        ("params.a IS NULL", "", False),
        ("params.a IS NOT NULL", "", True),
        ("params.a IS NOT NULL", None, False),
        ("start_time > 1", 2, True),
    ],
)
def test_comparison(text, value, expected):
    assert holds(text, value) is expected


@pytest.mark.parametrize("operator", [">", ">=", "<", "<=", "=", "!="])
def test_nan_differs_from_every_number_and_is_nothing_else(operator):
    assert holds(f"metrics.a {operator} 1", math.nan) is (operator == "!=")


@pytest.mark.parametrize("operator", ["=", "!=", "LIKE", "ILIKE"])
def test_missing_value_matches_only_is_null(operator):
    assert not holds(f"tags.a {operator} '%'", None, EXPERIMENTS)
    assert not holds("experiment_id NOT IN ('a')", None, EXPERIMENTS)


@pytest.mark.parametrize("operator", Operator)
def test_every_operator_has_a_meaning(operator):
    [comparison] = parse_filter("params.a = 'x'", RUNS)
    value = ("x",) if operator in (Operator.IN, Operator.NOT_IN) else "x"
    assert matches(comparison._replace(operator=operator, value=value), "x") in (True, False)


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "ABC", False),
        ("abc", "ab", False),
        ("abc", "a%", True),
        ("abc", "%c", True),
        ("abc", "%b%", True),
        ("abc", "a%c", True),
        ("abc", "a_c", True),
        ("abc", "____", False),
        ("abc", "%%%", True),
        ("", "", True),
        ("", "%", True),
        ("", "_", False),
        ("ab", "ab%ab", False),
        ("abab", "ab%ab", True),
        ("a\nb\n", "a%b_", True),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("a\\c", "a\\c", True),
    ],
)
def test_like(text, pattern, expected):
    assert like(text, pattern) is expected
    assert like(text.upper(), pattern, ignore_case=True) is (
        expected or text.upper() == pattern.upper()
    )


def test_ilike_ignores_case_of_any_alphabet():
    assert like("ПРИВЕТ", "при%", ignore_case=True)


@given(st.text("ab%_.\n", max_size=12), st.text("ab%_.\n", max_size=6), st.booleans())
def test_like_agrees_with_a_backtracking_expression(text, pattern, ignore_case):
    expression = "".join({"%": ".*", "_": "."}.get(each, re.escape(each)) for each in pattern)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    expected = re.fullmatch(expression, text, flags) is not None

    assert like(text, pattern, ignore_case=ignore_case) is expected


@pytest.mark.parametrize("pattern", ["%a" * 3000 + "b", "%" * 9000 + "b", "%_a" * 3000 + "b"])
def test_hostile_pattern_is_answered_in_bounded_time(pattern):
    started = time.process_time()
    like("a" * 8000, pattern)
    assert time.process_time() - started < 1
