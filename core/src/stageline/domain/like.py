"""Whether a value meets a comparison: the meaning of the search language, which every index must share."""

from __future__ import annotations

import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stageline.domain.query import Comparison, Operator

if TYPE_CHECKING:
    from collections.abc import Callable

# Any: the two sides have one type, which the vocabulary settled when the filter was parsed.
_TESTS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LIKE: lambda text, pattern: like(text, pattern),
    Operator.ILIKE: lambda text, pattern: like(text, pattern, ignore_case=True),
    Operator.IN: lambda text, values: text in values,
    Operator.NOT_IN: lambda text, values: text not in values,
}


def matches(comparison: Comparison, value: str | float | None) -> bool:
    """Whether `value`, None where the thing has none, meets the comparison.

    - A missing value meets IS NULL and nothing else: not `!=`, not NOT IN.
    - NaN meets `!=` any number and nothing else; infinities compare as numbers do.
    - Text compares by code point and with case; only ILIKE ignores case.

    A thing with several values of one key (the datasets of a run) matches when any of them does: ask for each. So
    `!=` holds when some dataset differs, and a run without datasets matches no dataset comparison.
    """
    if comparison.operator is Operator.IS_NULL:
        return value is None
    if comparison.operator is Operator.IS_NOT_NULL:
        return value is not None
    return value is not None and _TESTS[comparison.operator](value, comparison.value)


def like(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """SQL's LIKE on the whole of `text`: `%` is any run of characters, `_` any one, newlines too; there is no escape.

    Time grows with the length of both, whatever the pattern: it may be a stranger's.
    """
    first, *others = _segments(pattern, ignore_case)
    if not others:
        return first.regex.fullmatch(text) is not None
    if first.regex.match(text) is None:
        return False
    *middle, last = others
    position = first.length
    # The leftmost place is always a good one for what stands between two `%`, so nothing is tried twice.
    for segment in middle:
        found = segment.regex.search(text, position)
        if found is None:
            return False
        position = found.end()
    end = len(text) - last.length
    return position <= end and last.regex.match(text, end) is not None


class _Segment(NamedTuple):
    """What stands between two `%`: it matches exactly as many characters as it has."""

    regex: re.Pattern[str]
    length: int


@lru_cache(maxsize=256)
def _segments(pattern: str, ignore_case: bool) -> tuple[_Segment, ...]:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return tuple(
        _Segment(re.compile(re.escape(segment).replace("_", "."), flags), len(segment))
        for segment in pattern.split("%")
    )
