"""What each column of a projection holds: in how many runs, from what to what, and whether that are numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.query import Entity
from stageline.storage.projection_keys import METRIC, PARAM, TAG

if TYPE_CHECKING:
    from stageline.storage.projection import Projection

_ENTITIES = {METRIC: Entity.METRIC, PARAM: Entity.PARAM, TAG: Entity.TAG}
_COLUMNS_AT_ONCE = 100
"""Of one statement's results: SQLite returns at most 2,000."""


class ColumnFacts(NamedTuple):
    """What is known of one metric, param or tag over all runs that are not deleted."""

    entity: Entity
    key: str
    runs: int
    """That have it."""
    least: Any
    greatest: Any
    """A metric that is not a number is the text `NaN`, greater than all numbers. None if no run has it."""
    is_number: bool
    """A metric, or a text whose least and greatest spell numbers."""

    @property
    def is_constant(self) -> bool:
        """All that have it have the same."""
        return bool(self.least == self.greatest)


def column_facts(copy: Projection) -> list[ColumnFacts]:
    """Facts of every key, in one scan for each hundred columns and one of what has no column."""
    with copy.reading() as (db, _):
        keys = db.execute("SELECT key_id, kind, key, slot FROM keys ORDER BY key_id").fetchall()
        wide = [row for row in keys if row[3] is not None]
        found: dict[int, tuple[int, Any, Any]] = {}
        for start in range(0, len(wide), _COLUMNS_AT_ONCE):
            some = wide[start : start + _COLUMNS_AT_ONCE]
            parts = ", ".join(_facts_of(f"{kind}{slot}") for _, kind, _, slot in some)
            row = db.execute(f"SELECT {parts} FROM runs WHERE deleted = 0").fetchone()
            found.update((key[0], row[3 * at : 3 * at + 3]) for at, key in enumerate(some))
        extra = (
            f"SELECT key_id, {_facts_of('value')} FROM extra JOIN runs USING (rid) "
            "WHERE deleted = 0 GROUP BY key_id"
        )
        found.update((row[0], row[1:]) for row in db.execute(extra))
    nothing = (0, None, None)
    return [_facts(kind, key, *found.get(key_id, nothing)) for key_id, kind, key, _ in keys]


def _facts_of(column: str) -> str:
    return f"count({column}), min({column}), max({column})"


def _facts(kind: str, key: str, count: int, least: Any, most: Any) -> ColumnFacts:
    is_number = kind == METRIC or (count > 0 and _is_number(least) and _is_number(most))
    return ColumnFacts(_ENTITIES[kind], key, count, least, most, is_number)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False
