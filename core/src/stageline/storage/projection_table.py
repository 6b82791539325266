"""What a table of runs asks of a projection: cells, facts of columns, groups, families. All of it is SQL."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.query import Comparison, Entity
from stageline.domain.run import TAG_PARENT_RUN_ID, RunStatus, ViewType
from stageline.storage.projection_keys import METRIC, PARAM, TAG
from stageline.storage.projection_sql import Compiler, Sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stageline.storage.projection import Projection

_ENTITIES = {METRIC: Entity.METRIC, PARAM: Entity.PARAM, TAG: Entity.TAG}
_COLUMNS_AT_ONCE = 100
"""Of one statement's results: SQLite returns at most 2,000."""
_IDS_AT_ONCE = 400
"""In one query, beside the keys of its columns: SQLite before 3.32 binds at most 999."""
_ATTRIBUTES = ("run_id", "start_time", "end_time", "status", "user_id", "run_name", "deleted")
MOST_CELLS = 500
"""Columns of one row."""


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


class Cells(NamedTuple):
    """One run as a row."""

    run_id: str
    start_time: int
    end_time: int | None
    status: RunStatus
    user_id: str
    run_name: str
    is_deleted: bool
    values: tuple[Any, ...]
    """Of the columns that were asked for, in their order: a number, a text, `NaN` for a metric that is none, None."""


class Spread(NamedTuple):
    """One metric over a group of runs."""

    runs: int
    mean: float | None
    least: float | None
    greatest: float | None


class Group(NamedTuple):
    """Runs that have the same value; None is those that have none."""

    value: Any
    runs: int
    spreads: tuple[Spread, ...]


def column_facts(copy: Projection) -> list[ColumnFacts]:
    """Facts of every key, in one scan for each hundred columns and one of what has no column."""
    with copy.reading() as (db, _):
        keys = db.execute("SELECT key_id, kind, key, slot FROM keys ORDER BY key_id").fetchall()
        wide = [row for row in keys if row[3] is not None]
        found: dict[int, tuple[int, Any, Any]] = {}
        for some in _chunks(wide, _COLUMNS_AT_ONCE):
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


def cells(
    copy: Projection, run_ids: Sequence[str], columns: Sequence[tuple[Entity, str]]
) -> list[Cells]:
    """The rows of those of the runs that are here, in the order of `run_ids`, of at most `MOST_CELLS` columns."""
    found: dict[str, Cells] = {}
    with copy.reading() as (db, compiler):
        values = [compiler.value(*column) or Sql("NULL") for column in columns]
        selected = ", ".join([*_ATTRIBUTES, *(value.text for value in values)])
        bound = [each for value in values for each in value.bound]
        for some in _chunks(run_ids, _IDS_AT_ONCE):
            marks = ", ".join("?" * len(some))
            query = f"SELECT {selected} FROM runs WHERE run_id IN ({marks})"
            for run_id, start, end, status, user, name, deleted, *rest in db.execute(
                query, [*bound, *some]
            ):
                found[run_id] = Cells(
                    run_id, start, end, RunStatus(status), user, name, bool(deleted), tuple(rest)
                )
    return [found[run_id] for run_id in run_ids if run_id in found]


def counts_by(
    copy: Projection,
    entity: Entity,
    key: str,
    comparisons: Sequence[Comparison],
    view: ViewType,
    *,
    roots: bool = False,
) -> dict[Any, int]:
    """How many of the runs that match have each value of an attribute, a param or a tag."""
    with copy.reading() as (db, compiler):
        where = compiler.where(comparisons, view, roots=roots)
        value = compiler.value(entity, key) or Sql("NULL")
        text = f"SELECT {value.text}, count(*) FROM runs WHERE {where.text} GROUP BY 1"
        return dict(db.execute(text, (*value.bound, *where.bound)).fetchall())


def children(copy: Projection, run_ids: Sequence[str], view: ViewType) -> dict[str, int]:
    """How many runs are nested in each of `run_ids`, where any is."""
    with copy.reading() as (db, compiler):
        parent = compiler.value(Entity.TAG, TAG_PARENT_RUN_ID)
        if parent is None or not run_ids:
            return {}
        where = compiler.where((), view)
        marks = ", ".join("?" * len(run_ids))
        text = (
            f"SELECT {parent.text}, count(*) FROM runs WHERE {parent.text} IN ({marks}) "
            f"AND {where.text} GROUP BY 1"
        )
        bound = (*parent.bound, *parent.bound, *run_ids, *where.bound)
        return dict(db.execute(text, bound).fetchall())


def extremes(
    copy: Projection, keys: Sequence[str], comparisons: Sequence[Comparison], view: ViewType
) -> dict[str, tuple[float, float]]:
    """The least and the greatest number that each metric has among the runs that match."""
    if not keys:
        return {}
    with copy.reading() as (db, compiler):
        where = compiler.where(comparisons, view)
        parts = [part for key in keys for part in _ends(compiler, key)]
        text = f"SELECT {', '.join(part.text for part in parts)} FROM runs WHERE {where.text}"
        bound = [each for part in parts for each in part.bound]
        row = db.execute(text, (*bound, *where.bound)).fetchone()
    pairs = {key: (row[2 * place], row[2 * place + 1]) for place, key in enumerate(keys)}
    return {key: pair for key, pair in pairs.items() if pair[0] is not None}


def _ends(compiler: Compiler, key: str) -> Iterator[Sql]:
    value = _metric(compiler, key)
    for function in ("min", "max"):
        yield Sql(f"{function}({value.text})", value.bound)


def groups(
    copy: Projection,
    by: tuple[Entity, str],
    metrics: Sequence[str],
    comparisons: Sequence[Comparison],
    view: ViewType,
) -> list[Group]:
    """The runs that match, put together by what they have of `by`; the largest groups come first."""
    with copy.reading() as (db, compiler):
        where = compiler.where(comparisons, view)
        parts = [compiler.value(*by) or Sql("NULL"), Sql("count(*)")]
        for key in metrics:
            value = _metric(compiler, key)
            parts += [
                Sql(f"{name}({value.text})", value.bound) for name in ("count", "avg", "min", "max")
            ]
        text = (
            f"SELECT {', '.join(part.text for part in parts)} FROM runs WHERE {where.text} "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        bound = [each for part in parts for each in part.bound]
        rows = db.execute(text, (*bound, *where.bound)).fetchall()
    return [
        Group(value, count, tuple(Spread(*rest[at : at + 4]) for at in range(0, len(rest), 4)))
        for value, count, *rest in rows
    ]


def _metric(compiler: Compiler, key: str) -> Sql:
    """A metric where it is a number: NaN is stored as a text, and texts are greater than numbers."""
    value = compiler.value(Entity.METRIC, key) or Sql("NULL")
    return Sql(f"(CASE WHEN {value.text} < '' THEN {value.text} END)", value.bound * 2)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
