"""Params and last metrics of many runs as the dimensions of a chart: numbers or categories, plain or logarithmic."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from stageline.domain.run import Run

SYSTEM = "system/"
"""What begins the key of a metric that tells of the machine."""
LOG_FROM = 50.0
"""Greatest over least, from which on an axis of positive numbers is logarithmic unless somebody chose."""
MOST_CATEGORIES = 30
"""More of them can not be told apart on one axis."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """What can be an axis, with a value for each run."""

    name: str
    """`metrics.rmse` or `params.alpha`."""
    values: list[float | None]
    """In the order of the runs; of a category its place in `categories`."""
    categories: list[str] = []
    """In order; empty for numbers."""
    is_log: bool = False

    @property
    def label(self) -> str:
        """The key alone."""
        return self.name.partition(".")[2]

    @property
    def is_category(self) -> bool:
        """Whether its values are texts."""
        return bool(self.categories)

    def text(self, place: int) -> str:
        """The value of one run as it is read; empty where it has none."""
        value = self.values[place]
        if value is None:
            return ""
        return self.categories[int(value)] if self.categories else f"{value:.6g}"


class Brush(NamedTuple):
    """The stretch of a dimension that was chosen by hand, both ends included."""

    name: str
    low: float
    high: float

    def __str__(self) -> str:
        """As it stands in the URL, read back by `parse_brush`."""
        return f"{self.name}:{self.low!r}..{self.high!r}"


def dimension(runs: Sequence[Run], name: str, *, is_log: bool | None = None) -> Dimension:
    """The values of one param or metric; `is_log` as somebody chose, or by how far the numbers spread."""
    kind, _, key = name.partition(".")
    raw = [(run.data.metrics if kind == "metrics" else run.data.params).get(key) for run in runs]
    numbers = [as_number(value) for value in raw]
    if any(
        value is not None and number is None for value, number in zip(raw, numbers, strict=True)
    ):
        return _categories(name, [None if value is None else str(value) for value in raw])
    finite = [n if n is not None and math.isfinite(n) else None for n in numbers]
    chosen = spreads(finite) if is_log is None else is_log and is_positive(finite)
    return Dimension(name=name, values=finite, is_log=chosen)


def varying_names(runs: Sequence[Run]) -> list[str]:
    """The params, then the metrics, that differ between the runs and fit on an axis."""
    params = sorted({key for run in runs for key in run.data.params})
    names = [f"params.{key}" for key in params]
    names += [f"metrics.{key}" for key in metric_keys(runs) if not key.startswith(SYSTEM)]
    return [name for name in names if _is_telling(dimension(runs, name))]


def metric_keys(runs: Iterable[Run]) -> list[str]:
    """The metrics that any of the runs has."""
    return sorted({key for run in runs for key in run.data.metrics})


def spreads(values: Iterable[float | None]) -> bool:
    """Whether numbers spread so far that only a logarithmic axis shows them all.

    >>> spreads([0.0001, 0.01, 1.0]), spreads([10, 20, 30]), spreads([0, 1, 1000])
    (True, False, False)
    """
    found = [value for value in values if value is not None]
    return bool(found) and min(found) > 0 and max(found) / min(found) >= LOG_FROM


def is_positive(values: Iterable[float | None]) -> bool:
    """Whether a logarithmic axis can show all of them."""
    return all(value is None or value > 0 for value in values)


def as_number(value: str | float | None) -> float | None:
    """The number that a param spells; None for any other text.

    >>> as_number("1e-3"), as_number("0x10"), as_number("adam")
    (0.001, None, None)
    """
    if value is None or isinstance(value, float):
        return value
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}.get(text.lower())


def parse_brush(text: str) -> Brush | None:
    """The inverse of `str(brush)`; None where it is none, as in a URL that was cut off.

    >>> parse_brush("params.alpha:0.1..0.5")
    Brush(name='params.alpha', low=0.1, high=0.5)
    >>> parse_brush("params.alpha:")
    """
    name, _, span = text.rpartition(":")
    low, dots, high = span.partition("..")
    if not (name and dots and _NUMBER.fullmatch(low) and _NUMBER.fullmatch(high)):
        return None
    ends = sorted((float(low), float(high)))
    return Brush(name, *ends)


def brushed(
    dimensions: Mapping[str, Dimension], brushes: Iterable[Brush], count: int
) -> list[bool]:
    """For each of `count` runs whether it lies within every brush; a run without a value lies in none."""
    kept = [True] * count
    for brush in brushes:
        if brush.name not in dimensions:
            continue
        for place, value in enumerate(dimensions[brush.name].values):
            kept[place] &= value is not None and brush.low <= value <= brush.high
    return kept


def _categories(name: str, texts: Sequence[str | None]) -> Dimension:
    known = sorted({text for text in texts if text is not None})
    place = {text: float(number) for number, text in enumerate(known)}
    values = [None if text is None else place[text] for text in texts]
    return Dimension(name=name, values=values, categories=known)


def _is_telling(found: Dimension) -> bool:
    distinct = {value for value in found.values if value is not None}
    return len(distinct) > 1 and len(found.categories) <= MOST_CATEGORIES
