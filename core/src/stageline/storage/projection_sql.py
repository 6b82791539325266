"""Comparisons and orderings as SQL over the projection. Only our own names enter the text; all else is bound.

The meaning is that of `stageline.domain.like.matches`; where SQLite's operators mean something else, it is mended here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import assert_never

from stageline.domain.query import Comparison, Entity, Operator, OrderBy
from stageline.domain.run import TAG_PARENT_RUN_ID, ViewType
from stageline.storage.projection_keys import METRIC, PARAM, TAG, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIKE_FUNCTION = "stageline_like"
ILIKE_FUNCTION = "stageline_ilike"

_KINDS = {Entity.METRIC: METRIC, Entity.PARAM: PARAM, Entity.TAG: TAG}
_ATTRIBUTES = frozenset({"run_id", "run_name", "status", "user_id", "start_time", "end_time"})
_INPUT_COLUMNS = frozenset({"name", "digest", "context"})
_SIMPLE_PATTERN_LENGTH = 1_000
_INT64 = range(-(2**63), 2**63)


class Sql(NamedTuple):
    """An expression and what its question marks stand for."""

    text: str
    bound: tuple[object, ...] = ()


class ArtifactUris(NamedTuple):
    """What stands before and after a run's id in the URI of its artifacts."""

    before: str
    after: str


class Compiler:
    """Compiles for one projection as it is now.

    `find` goes from the kind and key of a metric, param or tag to the place of its values.
    """

    def __init__(
        self, find: Callable[[str, str], Place | None], uris: ArtifactUris, *, has_nul: bool
    ) -> None:
        self._find = find
        self._uris = uris
        self._has_nul = has_nul

    def where(
        self, comparisons: Sequence[Comparison], view: ViewType, *, roots: bool = False
    ) -> Sql:
        """True for the rows of `runs` that are searched for; `roots` leaves out those whose parent is in the view."""
        parts = [self._comparison(comparison) for comparison in comparisons]
        shown = (
            Sql("1")
            if view is ViewType.ALL
            else Sql(f"deleted = {int(view is ViewType.DELETED_ONLY)}")
        )
        parent = self.value(Entity.TAG, TAG_PARENT_RUN_ID) if roots else None
        if parent:
            above = (
                f"SELECT 1 FROM runs AS above WHERE above.run_id = {parent.text} AND {shown.text}"
            )
            text = f"({parent.text} IS NULL OR NOT EXISTS ({above}))"
            parts.append(Sql(text, parent.bound * 2))
        parts.append(shown)
        return _joined(parts, " AND ")

    def order_terms(self, ordering: OrderBy) -> tuple[Sql, Sql] | None:
        """A rank (0: has a value, 1: NaN, 2: has none) and the value; None if no run has the key."""
        value = self.value(ordering.entity, ordering.key)
        if value is None:
            return None
        if ordering.by_number:
            # Who asks for it knows that they are numbers; `as_number` would take as long as all the rest.
            value = Sql(f"CAST({value.text} AS REAL)", value.bound)
        if ordering.entity is Entity.METRIC:
            # Every number is less than every text, and NaN is stored as one.
            text = f"CASE WHEN {value.text} < '' THEN 0 WHEN {value.text} IS NULL THEN 2 ELSE 1 END"
            return Sql(text, value.bound * 2), value
        return Sql(f"CASE WHEN {value.text} IS NULL THEN 2 ELSE 0 END", value.bound), value

    def value(self, entity: Entity, key: str) -> Sql | None:
        """What each row of `runs` has for a metric, a param, a tag or an attribute; None if no run has the key."""
        if entity not in _KINDS:
            return self._attribute(key)
        place = self._find(_KINDS[entity], key)
        if place is None:
            return None
        if place.column:
            return Sql(f"runs.{place.column}")
        return Sql(
            "(SELECT value FROM extra WHERE key_id = ? AND extra.rid = runs.rid)", (place.key_id,)
        )

    def _comparison(self, comparison: Comparison) -> Sql:
        if comparison.entity in _KINDS:
            return self._user_key(comparison)
        if comparison.entity is Entity.DATASET:
            return self._dataset(comparison)
        return self._test(self._attribute(comparison.key), comparison)

    def _attribute(self, key: str) -> Sql:
        if key == "artifact_uri":
            return Sql("(? || run_id || ?)", self._uris)
        if key == "duration":
            return Sql("(end_time - start_time)")
        if key not in _ATTRIBUTES:
            raise ValueError(key)
        return Sql(key)

    def _user_key(self, comparison: Comparison) -> Sql:
        is_null = comparison.operator is Operator.IS_NULL
        place = self._find(_KINDS[comparison.entity], comparison.key)
        if place is None:
            return Sql(str(int(is_null)))
        if place.column:
            return self._test(Sql(place.column), comparison)
        if is_null:
            return Sql("rid NOT IN (SELECT rid FROM extra WHERE key_id = ?)", (place.key_id,))
        test = self._test(Sql("value"), comparison)
        text = f"rid IN (SELECT rid FROM extra WHERE key_id = ? AND {test.text})"
        return Sql(text, (place.key_id, *test.bound))

    def _dataset(self, comparison: Comparison) -> Sql:
        if comparison.key not in _INPUT_COLUMNS:
            raise ValueError(comparison.key)
        test = self._test(Sql(comparison.key), comparison)
        return Sql(f"rid IN (SELECT rid FROM inputs WHERE {test.text})", test.bound)

    def _test(self, value: Sql, comparison: Comparison) -> Sql:
        """Whether `value` meets the comparison: false, not NULL, is what AND makes of a missing value."""
        operator, given = comparison.operator, comparison.value
        if comparison.entity in (Entity.PARAM, Entity.TAG) and isinstance(given, int | float):
            value = as_number(value)
        match operator:
            case Operator.EQ | Operator.NE | Operator.LT | Operator.LE:
                return Sql(f"{value.text} {operator.value} ?", (*value.bound, _bindable(given)))
            case Operator.GT | Operator.GE:
                # NaN, a text, is greater than any number for SQLite.
                is_number = f" AND {value.text} < ''" if comparison.entity is Entity.METRIC else ""
                text = f"({value.text} {operator.value} ?{is_number})"
                return Sql(text, (*value.bound, _bindable(given)))
            case Operator.LIKE | Operator.ILIKE:
                return self._like(value, str(given), ignore_case=operator is Operator.ILIKE)
            case Operator.IN | Operator.NOT_IN:
                values = given if isinstance(given, tuple) else ()
                marks = ", ".join("?" * len(values))
                return Sql(f"{value.text} {operator.value} ({marks})", (*value.bound, *values))
            case Operator.IS_NULL | Operator.IS_NOT_NULL:
                return Sql(f"{value.text} {operator.value}", value.bound)
            case _:
                assert_never(operator)

    def _like(self, value: Sql, pattern: str, *, ignore_case: bool) -> Sql:
        # SQLite's own LIKE knows no case but ASCII's, stops at a NUL, and takes for ever over many `%`.
        is_plain = (
            not ignore_case
            and not self._has_nul
            and "\0" not in pattern
            and pattern.count("%") <= 2
            and len(pattern) <= _SIMPLE_PATTERN_LENGTH
        )
        if is_plain:
            return Sql(f"{value.text} LIKE ?", (*value.bound, pattern))
        function = ILIKE_FUNCTION if ignore_case else LIKE_FUNCTION
        return Sql(f"{function}({value.text}, ?)", (*value.bound, pattern))


def as_number(value: Sql) -> Sql:
    """A text as the number that it spells; NULL where it spells none, as a version or a date does."""
    text = value.text
    is_other = " OR ".join(
        (
            f"{text} NOT GLOB '*[0-9]*'",
            f"{text} GLOB '*[^-+.eE0-9]*'",
            f"{text} GLOB '*[0-9.][-+]*'",
            f"{text} GLOB '*.*.*'",
        )
    )
    return Sql(f"(CASE WHEN {is_other} THEN NULL ELSE CAST({text} AS REAL) END)", value.bound * 5)


def _bindable(value: object) -> object:
    """`value`, or the float nearest to an integer that SQLite has no room for."""
    if not isinstance(value, int) or value in _INT64:
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _joined(parts: list[Sql], separator: str) -> Sql:
    return Sql(
        separator.join(part.text for part in parts),
        tuple(value for part in parts for value in part.bound),
    )
