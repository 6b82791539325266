"""The runs of one experiment as a table: pages of rows, facts of columns, groups, families. Reads the index alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from stageline.domain.query import Comparison, Entity, Operator, OrderBy
from stageline.domain.run import TAG_PARENT_RUN_ID, ViewType
from stageline.storage import projection_table as sql
from stageline.storage.projection_facts import ColumnFacts, column_facts
from stageline.storage.projection_table import Cells, Group, Spread
from stageline.tracking.run_answers import RunAnswers

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.storage.index_changes import IndexState
    from stageline.storage.projection import Projection
    from stageline.tracking.index_copies import IndexCopies

__all__ = ["Cells", "ColumnFacts", "Group", "RunTable", "RunTables", "Selection", "Spread"]

T = TypeVar("T")

SMALL = 5_000
"""Runs of which everything is looked at again after each change."""
_ROWS_AT_ONCE = 500


class Selection(NamedTuple):
    """Which runs, and in which order."""

    comparisons: tuple[Comparison, ...] = ()
    order: tuple[OrderBy, ...] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    roots: bool = False
    """Without those whose parent is shown itself."""


class RunTables:
    """The tables of a store's experiments. Safe to use from many threads."""

    def __init__(self, copies: IndexCopies, clock: Clock) -> None:
        self._copies = copies
        self._known: dict[str, RunAnswers] = defaultdict(lambda: RunAnswers(clock))

    def open(self, experiment_id: str) -> RunTable:
        """The table as the store has it now: two listings. Raises `StorageFailed`."""
        foldable = self._copies.refresh(experiment_id)
        self._copies.fold_if_full(experiment_id, foldable)
        return RunTable(partial(self._copies.ask, experiment_id), self._known[experiment_id])


class RunTable:
    """One experiment's table as it was when it was opened, or a little newer."""

    def __init__(
        self,
        ask: Callable[[Callable[[Projection], Any]], Any],
        known: RunAnswers,
    ) -> None:
        self._ask = ask
        self._known = known
        self._state: IndexState = ask(_state)

    def columns(self) -> list[ColumnFacts]:
        """Facts of every metric, param and tag. Of many runs that change they may be half a minute old."""
        return self._known.facts(
            self._state,
            lambda: self._find(column_facts),
            is_large=lambda: self._find(lambda copy: copy.count((), ViewType.ALL)) > SMALL,
        )

    def rows(
        self,
        selected: Selection,
        columns: Sequence[tuple[Entity, str]],
        *,
        limit: int,
        offset: int = 0,
    ) -> list[Cells]:
        """One page."""
        ids = self._ids(selected, limit, offset)
        return self.rows_of(ids, columns)

    def rows_of(self, run_ids: Sequence[str], columns: Sequence[tuple[Entity, str]]) -> list[Cells]:
        """The rows of these runs, in this order, without those that are not of this experiment."""
        found: list[Cells] = []
        for start in range(0, max(len(columns), 1), sql.MOST_CELLS):
            some = columns[start : start + sql.MOST_CELLS]
            part: list[Cells] = self._ask(partial(sql.cells, run_ids=run_ids, columns=some))
            found = [
                before._replace(values=before.values + after.values)
                for before, after in zip(found, part, strict=False)
            ] or part
        return found

    def load(self, run_ids: Sequence[str]) -> list[RunSummary]:
        """Everything that the index has of these runs."""
        found: list[RunSummary] = self._ask(lambda copy: copy.load(run_ids))
        return found

    def every_row(
        self, selected: Selection, columns: Sequence[tuple[Entity, str]]
    ) -> Iterator[Cells]:
        """All that match, some at a time; which they are, and their order, is settled at the beginning."""
        ids = self._ids(selected, -1, 0)
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            yield from self.rows_of(ids[start : start + _ROWS_AT_ONCE], columns)

    def children(self, parents: Sequence[str], view: ViewType) -> dict[str, int]:
        """How many runs are nested in each, where any is."""
        found: dict[str, int] = self._ask(partial(sql.children, run_ids=parents, view=view))
        return found

    def children_of(
        self, parent: str, selected: Selection, columns: Sequence[tuple[Entity, str]], *, limit: int
    ) -> list[Cells]:
        """The runs that are nested in one, in the order of the table."""
        nested = Comparison(Entity.TAG, TAG_PARENT_RUN_ID, Operator.EQ, parent)
        return self.rows(Selection((nested,), selected.order, selected.view), columns, limit=limit)

    def counts_by(self, entity: Entity, key: str, selected: Selection) -> Mapping[Any, int]:
        """How many of the runs that match have each value; their sum is how many match."""
        where, _, view, roots = selected
        return self._answer(
            ("counts", entity, key, where, view, roots),
            partial(
                sql.counts_by, entity=entity, key=key, comparisons=where, view=view, roots=roots
            ),
        )

    def extremes(self, keys: Sequence[str], selected: Selection) -> dict[str, tuple[float, float]]:
        """The least and the greatest of each metric among the runs that match; NaN counts as nothing."""
        where, _, view, _ = selected
        return self._answer(
            ("extremes", tuple(keys), where, view),
            partial(sql.extremes, keys=keys, comparisons=where, view=view),
        )

    def groups(
        self, by: tuple[Entity, str], metrics: Sequence[str], selected: Selection
    ) -> list[Group]:
        """The runs that match, put together by their values of one key; the largest groups come first."""
        where, _, view, _ = selected
        return self._answer(
            ("groups", by, tuple(metrics), where, view),
            partial(sql.groups, by=by, metrics=metrics, comparisons=where, view=view),
        )

    def _answer(self, question: Hashable, ask: Callable[[Projection], T]) -> T:
        return self._known.answer(self._state, question, lambda: self._find(ask))

    def _find(self, ask: Callable[[Projection], T]) -> T:
        found: T = self._ask(ask)
        return found

    def _ids(self, selected: Selection, limit: int, offset: int) -> list[str]:
        def ask(copy: Projection) -> list[str]:
            where, order, view, roots = selected
            hits = copy.select(where, order, view, limit=limit, offset=offset, roots=roots)
            return [hit.run_id for hit in hits]

        found: list[str] = self._ask(ask)
        return found


def _state(copy: Projection) -> IndexState:
    return copy.state()
