"""How far the values of a column have moved from what they were: PSI and the Kolmogorov-Smirnov statistic."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from stageline.errors import InvalidInput

BINS = 10
MOST_CATEGORIES = 50
"""Of text; the rarer ones are counted together."""
PSI_SHIFT = 0.25
"""Above it a population counts as shifted, below 0.1 as stable: a convention of credit scoring (Siddiqi, "Credit Risk
Scorecards", 2006). It knows nothing of sample sizes: PSI of two samples of one population is about
(bins - 1) * (1/n + 1/m) (Yurdakul, "Statistical Properties of Population Stability Index", 2018)."""


class Drift(NamedTuple):
    """One column, measured."""

    psi: float
    """Sum over bins of (current - reference) * ln(current / reference), of shares of rows."""
    ks: float | None
    """The greatest distance of the two empirical distribution functions; None for text."""
    ks_p: float | None
    """How likely a distance of at least that is if both are of one continuous distribution; asymptotic."""
    n_reference: int
    n_current: int


def measure_drift(reference: Iterable[Any], current: Iterable[Any], *, bins: int = BINS) -> Drift:
    """Compare two samples of a column.

    Numbers are put into `bins` bins between quantiles of the reference, anything else into one for each value. What is
    missing (None, NaN) has a bin of its own, if there is any; the KS statistic leaves it out. Half a row is added to
    each bin, so that an empty one counts as rare rather than impossible.

    Raises:
        InvalidInput: a sample has no rows, or fewer than two bins are asked for.

    >>> same = measure_drift(range(1000), range(1000))
    >>> round(same.psi, 3), same.ks
    (0.0, 0.0)
    >>> measure_drift(range(1000), range(500, 1500)).psi > PSI_SHIFT
    True
    """
    if bins < 2:
        raise InvalidInput(f"bins={bins}: should be at least 2")
    before, after = list(reference), list(current)
    if not before or not after:
        raise InvalidInput(
            f"a drift is between two samples: the reference has {len(before)} rows, the current one {len(after)}"
        )
    numbers = _numbers(before), _numbers(after)
    if numbers[0] is None or numbers[1] is None:
        counts = _by_category(before, after)
        distance = None
    else:
        counts = _by_quantile(numbers[0], numbers[1], len(before), len(after), bins)
        distance = _ks(sorted(numbers[0]), sorted(numbers[1]))
    p = None if distance is None else _ks_p(distance, len(numbers[0] or ()), len(numbers[1] or ()))
    return Drift(_psi(*counts), distance, p, len(before), len(after))


def _numbers(values: Sequence[Any]) -> list[float] | None:
    """The finite ones; None if there is anything else but what is missing."""
    found: list[float] = []
    for value in values:
        if value is None:
            continue
        if isinstance(value, (str, bytes, bool)):
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        if not math.isnan(number):
            found.append(number)
    return found


def _by_quantile(
    before: list[float], after: list[float], n_before: int, n_after: int, bins: int
) -> tuple[list[int], list[int]]:
    ordered = sorted(before)
    edges = sorted({ordered[len(ordered) * i // bins] for i in range(1, bins)}) if ordered else []
    return (
        [*_counts(before, edges), n_before - len(before)],
        [*_counts(after, edges), n_after - len(after)],
    )


def _counts(values: list[float], edges: list[float]) -> list[int]:
    counted = [0] * (len(edges) + 1)
    for value in values:
        counted[bisect_right(edges, value)] += 1
    return counted


def _by_category(before: Sequence[Any], after: Sequence[Any]) -> tuple[list[int], list[int]]:
    first, second = Counter(map(_category, before)), Counter(map(_category, after))
    common = [name for name, _ in (first + second).most_common(MOST_CATEGORIES)]
    counts = [first[name] for name in common], [second[name] for name in common]
    return (
        [*counts[0], len(before) - sum(counts[0])],
        [*counts[1], len(after) - sum(counts[1])],
    )


def _category(value: Any) -> str | None:
    is_missing = value is None or (isinstance(value, float) and math.isnan(value))
    return None if is_missing else str(value)


def _psi(before: list[int], after: list[int]) -> float:
    pairs = [pair for pair in zip(before, after, strict=True) if any(pair)]
    totals = sum(before) + len(pairs) / 2, sum(after) + len(pairs) / 2
    shares = [((a + 0.5) / totals[0], (b + 0.5) / totals[1]) for a, b in pairs]
    return sum((b - a) * math.log(b / a) for a, b in shares)


def _ks(before: list[float], after: list[float]) -> float | None:
    if not before or not after:
        return None
    return max(
        abs(at(before, value) / len(before) - at(after, value) / len(after))
        for at in (bisect_right, bisect_left)
        for value in {*before, *after}
    )


def _ks_p(distance: float, n: int, m: int) -> float:
    """Kolmogorov's distribution with Stephens' correction for few rows (J. Royal Stat. Soc. B 32, 1970)."""
    root = math.sqrt(n * m / (n + m))
    x = (root + 0.12 + 0.11 / root) * distance
    if x < 0.2:  # where the series below does not converge, and the value is 1 to twelve digits
        return 1.0
    terms = ((1 if k % 2 else -1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101))
    return min(max(2 * sum(terms), 0.0), 1.0)
