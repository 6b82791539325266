"""PSI and KS: against their definitions, another library, and what they must not be fooled by."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.drift import PSI_SHIFT, measure_drift
from stageline.errors import InvalidInput

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def test_psi_is_its_formula():
    # Two bins of 50 % each before; 80 % and 20 % after. The half rows hardly count among 100,000.
    drift = measure_drift(["a", "b"] * 50_000, ["a"] * 80_000 + ["b"] * 20_000)
    assert drift.psi == pytest.approx(
        0.3 * math.log(0.8 / 0.5) - 0.3 * math.log(0.2 / 0.5), rel=1e-3
    )
    assert drift.ks is None


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_ks_is_what_scipy_says(shift: float):
    stats = pytest.importorskip("scipy.stats")
    source = random.Random(4)
    before = [source.gauss(0, 1) for _ in range(400)]
    after = [source.gauss(shift, 1) for _ in range(300)]
    told = stats.ks_2samp(before, after, method="asymp")
    drift = measure_drift(before, after)
    assert drift.ks == pytest.approx(told.statistic)
    assert drift.ks_p == pytest.approx(told.pvalue, rel=0.1, abs=0.03)


@given(numbers, numbers)
def test_both_are_finite_not_negative_and_zero_for_the_same(
    before: list[float], after: list[float]
):
    drift = measure_drift(before, after)
    assert drift.psi >= 0
    assert math.isfinite(drift.psi)
    assert drift.ks is not None
    assert 0 <= drift.ks <= 1
    same = measure_drift(before, list(reversed(before)))
    assert (same.psi, same.ks, same.ks_p) == (pytest.approx(0), 0, 1)


def test_a_category_that_is_new_and_values_that_are_missing_count():
    assert measure_drift(["a"] * 100, ["b"] * 100).psi > PSI_SHIFT
    assert measure_drift([1.0] * 100, [None] * 60 + [math.nan] * 40).psi > PSI_SHIFT
    assert measure_drift([1.0] * 100, [None] * 100).ks is None
    assert measure_drift(["a", None] * 50, ["a", math.nan] * 50).psi == pytest.approx(0)


def test_a_constant_that_stays_has_not_drifted():
    assert measure_drift([7] * 500, [7] * 30).psi == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("before", "after", "bins"), [([], [1], 10), ([1], [], 10), ([1], [1], 1)])
def test_what_can_not_be_compared_is_refused(before: list[int], after: list[int], bins: int):
    with pytest.raises(InvalidInput):
        measure_drift(before, after, bins=bins)
