"""What a table of runs asks of a projection: cells, counts, groups, families. All of it is SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.query import Comparison, Entity
from stageline.domain.run import TAG_PARENT_RUN_ID, RunStatus, ViewType
from stageline.storage.projection_sql import Compiler, Sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stageline.storage.projection import Projection

_IDS_AT_ONCE = 400
"""In one query, beside the keys of its columns: SQLite before 3.32 binds at most 999."""
_ATTRIBUTES = ("run_id", "start_time", "end_time", "status", "user_id", "run_name", "deleted")
MOST_CELLS = 500
"""Columns of one row."""


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


def cells(
    copy: Projection, run_ids: Sequence[str], columns: Sequence[tuple[Entity, str]]
) -> list[Cells]:
    """The rows of those of the runs that are here, in the order of `run_ids`, of at most `MOST_CELLS` columns."""
    found: dict[str, Cells] = {}
    with copy.reading() as (db, compiler):
        values = [compiler.value(*column) or Sql("NULL") for column in columns]
        selected = ", ".join([*_ATTRIBUTES, *(value.text for value in values)])
        bound = [each for value in values for each in value.bound]
        for start in range(0, len(run_ids), _IDS_AT_ONCE):
            some = run_ids[start : start + _IDS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT {selected} FROM runs WHERE run_id IN ({marks})"
            for run_id, began, ended, status, user, name, deleted, *rest in db.execute(
                query, [*bound, *some]
            ):
                found[run_id] = Cells(
                    run_id, began, ended, RunStatus(status), user, name, bool(deleted), tuple(rest)
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
