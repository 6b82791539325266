"""Search over the runs of one or many experiments, in local copies of their indexes. What it finds are summaries."""

from __future__ import annotations

import heapq
import random
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stageline.domain.page import Page, check_max_results, decode_token, encode_token
from stageline.domain.query import RUNS, Comparison, OrderBy, parse_filter, parse_order_by
from stageline.domain.run import ViewType
from stageline.errors import InvalidInput
from stageline.storage import layout
from stageline.storage.index import GRACE_S, ExperimentIndex
from stageline.storage.index_objects import at_once
from stageline.storage.projection import Projection
from stageline.storage.projection_sql import ArtifactUris
from stageline.tracking.index_copies import FOLD_ABOVE, IndexCopies
from stageline.tracking.run_table import RunTable, RunTables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.storage.port import ObjectStore
    from stageline.storage.projection_hits import Hit

T = TypeVar("T")


class RunSearch:
    """Searches, and keeps indexes and their local copies up to date as it goes. Safe to use from many threads.

    `cache_dir` is this store's alone. With `max_staleness_s` a search asks the store nothing for so long after the
    last one; without, it costs two listings for each experiment. `rebuild` goes from an experiment's id to everything
    that is recorded of its runs; it is called where the index is missing or damaged.
    """

    def __init__(
        self,
        store: ObjectStore,
        cache_dir: Path,
        clock: Clock,
        rebuild: Callable[[str], Iterable[RunSummary]],
        *,
        max_staleness_s: float = 0.0,
        fold_above: int = FOLD_ABOVE,
        chance: Callable[[], float] = random.random,
        grace_s: float = GRACE_S,
    ) -> None:
        self._uris = ArtifactUris(*_uri_around(store))
        self._copies = IndexCopies(
            store,
            cache_dir,
            clock,
            rebuild,
            max_staleness_s=max_staleness_s,
            fold_above=fold_above,
            chance=chance,
            grace_s=grace_s,
        )
        self._tables = RunTables(self._copies, clock)

    def search(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = "",
        view: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = (),
        page_token: str | None = None,
    ) -> Page[RunSummary]:
        """One page of the runs that match, over all the experiments together.

        Without `order_by` the latest start comes first, and so it decides ties; what has no value comes last.

        Raises:
            InvalidInput: the filter, an ordering, the page token or `max_results` is not valid.
            StorageFailed: the store does not answer.
        """
        count, offset = check_max_results(max_results), decode_token(page_token)
        asked = _Asked(*_parsed(filter_string, order_by), view)
        ids = list(dict.fromkeys(experiment_ids))
        found = self._found(ids, asked, offset, count + 1)
        token = encode_token(offset + count) if len(found) > count else None
        return Page(self._loaded(found[:count]), token)

    def matching(
        self,
        experiment_ids: Sequence[str],
        comparisons: Sequence[Comparison],
        view: ViewType = ViewType.ALL,
        *,
        limit: int,
        refresh: bool = True,
    ) -> list[RunSummary]:
        """The runs that meet comparisons, the latest first, whether or not the language of filters can say them.

        Without `refresh` the store is asked nothing: for a second question right after the first.
        Raises `StorageFailed`.
        """
        ids = list(dict.fromkeys(experiment_ids))
        asked = _Asked(tuple(comparisons), (), view)
        return self._loaded(self._found(ids, asked, 0, limit, refresh=refresh))

    def count(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = "",
        view: ViewType = ViewType.ACTIVE_ONLY,
    ) -> int:
        """How many runs match. Raises as `search` does."""
        comparisons, _ = _parsed(filter_string, ())
        ids = list(dict.fromkeys(experiment_ids))
        counts = self._ask_each(ids, lambda copy: copy.count(comparisons, view, uris=self._uris))
        return sum(counts.values())

    def table(self, experiment_id: str) -> RunTable:
        """The runs of one experiment as a table, as the store has them now. Raises `StorageFailed`."""
        return self._tables.open(experiment_id)

    def refresh(self, experiment_id: str) -> None:
        """Bring the local copy up to date, as each search does first."""
        self._copies.refresh(experiment_id)

    def signs_of_life(self, experiment_id: str) -> dict[str, float]:
        """Run id -> Unix time in seconds, by the store's clock, of the latest heartbeat that the last search saw."""
        return self._copies.signs_of_life(experiment_id)

    def index(self, experiment_id: str) -> ExperimentIndex:
        """The index of one experiment, for those who fold, rebuild or collect it."""
        return self._copies.index(experiment_id)

    def close(self) -> None:
        """Let go of all files; the next search opens them again."""
        self._copies.close()

    def _found(
        self, ids: list[str], asked: _Asked, offset: int, limit: int, *, refresh: bool = True
    ) -> list[tuple[Hit, str]]:
        """Hits with their experiments, in order."""
        # The runs to skip may all be in one experiment, so of several each gives as many as could be needed.
        inner, outer = (offset, 0) if len(ids) == 1 else (0, offset)

        def select(copy: Projection) -> list[Hit]:
            return copy.select(
                asked.comparisons,
                asked.order,
                asked.view,
                limit=limit + outer,
                offset=inner,
                uris=self._uris,
            )

        hits = self._ask_each(ids, select, refresh=refresh)
        tagged = [[(hit, each) for hit in found] for each, found in hits.items()]
        merged = heapq.merge(*tagged, key=lambda pair: pair[0].key)
        return list(islice(merged, outer, outer + limit))

    def _loaded(self, found: list[tuple[Hit, str]]) -> list[RunSummary]:
        by_experiment: dict[str, list[str]] = {}
        for hit, experiment_id in found:
            by_experiment.setdefault(experiment_id, []).append(hit.run_id)
        loaded: dict[str, RunSummary] = {}
        for experiment_id, run_ids in by_experiment.items():
            found_here = self._copies.ask(experiment_id, partial(Projection.load, run_ids=run_ids))
            loaded.update((summary.run_id, summary) for summary in found_here)
        return [loaded[hit.run_id] for hit, _ in found if hit.run_id in loaded]

    def _ask_each(
        self, ids: list[str], question: Callable[[Projection], T], *, refresh: bool = True
    ) -> dict[str, T]:
        def ask(experiment_id: str) -> T:
            if not refresh:
                return self._copies.ask(experiment_id, question)
            foldable = self._copies.refresh(experiment_id)
            answer = self._copies.ask(experiment_id, question)
            self._copies.fold_if_full(experiment_id, foldable)
            return answer

        return at_once({each: partial(ask, each) for each in ids})


class _Asked(NamedTuple):
    comparisons: tuple[Comparison, ...]
    order: tuple[OrderBy, ...]
    view: ViewType


def _parsed(
    filter_string: str | None, order_by: Sequence[str] | None
) -> tuple[tuple[Comparison, ...], tuple[OrderBy, ...]]:
    for text in (filter_string or "", *(order_by or ())):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"Invalid filter or order_by {text!r}: it is not valid Unicode; no recorded text is like that."
            ) from error
    return parse_filter(filter_string, RUNS), parse_order_by(order_by, RUNS)


def _uri_around(store: ObjectStore) -> tuple[str, str]:
    """What comes before and after a run's id in the URI of its artifacts."""
    before, _, after = layout.run_artifacts("*").rstrip("/").partition("*")
    return f"{store.url.rstrip('/')}/{before}", after
