"""The sorted result of a question to a projection: its SQL, and keys by which several results merge into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.storage.projection_sql import Sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Hit(NamedTuple):
    """A run that was found, and where it comes among others."""

    key: tuple[object, ...]
    """Compares as the ordering says, with hits of other projections too."""
    run_id: str


class Ask(NamedTuple):
    """Which runs, and in which order."""

    where: Sql
    terms: list[tuple[tuple[Sql, Sql] | None, bool]]
    """For each ordering its rank and value (see `Compiler.order_terms`), and whether it ascends."""

    def query(self, limit: int, offset: int) -> Sql:
        """Rows for `hit`, sorted by the terms, then the latest start, then the id."""
        columns = [Sql("run_id"), Sql("start_time")]
        order = []
        for term, ascending in self.terms:
            if term is not None:
                rank, value = term
                columns += [rank, value]
                order += [rank, Sql(f"{value.text} {'ASC' if ascending else 'DESC'}", value.bound)]
        order += [Sql("start_time DESC"), Sql("run_id")]
        text = (
            f"SELECT {', '.join(column.text for column in columns)} FROM runs WHERE {self.where.text} "
            f"ORDER BY {', '.join(term.text for term in order)} LIMIT ? OFFSET ?"
        )
        return Sql(text, (*_bound(columns), *self.where.bound, *_bound(order), limit, offset))

    def hit(self, row: tuple[Any, ...]) -> Hit:
        """One row of `query`."""
        run_id, start_time, *found = row
        values = iter(found)
        key: list[object] = []
        for term, ascending in self.terms:
            rank, value = (2, None) if term is None else (next(values), next(values))
            key += [rank, 0 if rank else value if ascending else _Descending(value)]
        return Hit((*key, -start_time, run_id), run_id)


class _Descending:
    """Compares the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # text or number, as its column is
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)


def _bound(parts: Iterable[Sql]) -> Iterator[object]:
    return (value for part in parts for value in part.bound)
