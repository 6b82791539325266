"""Searching an opened store: pages and tables of what lies there, and of what this process has just logged."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from stageline.domain.run import ViewType
from stageline.storage.probe import read_format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stageline.clock import Clock
    from stageline.domain.experiment import Experiment
    from stageline.domain.page import Page
    from stageline.domain.run import Run
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.tracking.experiments import Experiments
    from stageline.tracking.run_table import RunTable
    from stageline.tracking.runs import Runs
    from stageline.tracking.saved_views import SavedViews
    from stageline.tracking.search import RunSearch


class Searching:
    """The part of a workspace that finds runs and experiments; the workspace sets what it needs."""

    store: ObjectStore
    settings: Settings
    clock: Clock
    spool: Path | None
    experiments: Experiments
    runs: Runs

    @cached_property
    def index(self) -> RunSearch:
        """The search index of this store, as this machine sees it."""
        # Late: the grammar and SQLite cost more than a run that nobody searches.
        from stageline.tracking.search import RunSearch

        place = hashlib.sha256(self.store.url.encode()).hexdigest()[:16]
        return RunSearch(
            self.store,
            self.settings.cache_folder / "index" / place,
            self.clock,
            self.runs.summaries,
        )

    @cached_property
    def views(self) -> SavedViews:
        """How people looked at runs, saved for all."""
        # Late: only pages ask for them.
        from stageline.tracking.saved_views import SavedViews

        return SavedViews(self.store, self.clock)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        view: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] = (),
        page_token: str | None = None,
    ) -> Page[Run]:
        """One page of runs. The grammar of `filter_string` and `order_by` is in the documentation of search.

        Raises:
            InvalidInput: the filter, an ordering, the page token or `max_results` is not valid.
        """
        from stageline.domain.page import Page

        self._publish_news()
        found = self.index.search(
            experiment_ids, filter_string, view, max_results, order_by, page_token
        )
        runs = [summary.to_run(self.runs.artifact_uri(summary.run_id)) for summary in found]
        return Page(self._looked_at(runs), found.token)

    def run_table(self, experiment_id: str) -> RunTable:
        """The runs of one experiment as a table: pages, columns, groups. Raises `StorageFailed`.

        It shows a run whose process vanished as running: `settled` looks at those that seem to run.
        """
        self._publish_news()
        return self.index.table(experiment_id)

    def settled(self, table: RunTable, run_ids: Sequence[str]) -> dict[str, Run]:
        """Runs of a table that it shows as running, as they are: ended, if their process vanished."""
        found = table.load(run_ids) if run_ids else []
        runs = [summary.to_run(self.runs.artifact_uri(summary.run_id)) for summary in found]
        return {run.info.run_id: run for run in self._looked_at(runs)}

    def _publish_news(self) -> None:
        """Let a search find what this process has just logged."""
        read_format(self.store)
        for active in self.runs.open_runs():
            active.stream.publish_news()

    def _looked_at(self, runs: list[Run]) -> list[Run]:
        from stageline.tracking.vanished import with_the_vanished_ended

        # A lock on this disk tells at once; a heartbeat, only when it has been missed for long.
        patience_s = 0.0 if self.spool is None else self.settings.stale_after_s
        return with_the_vanished_ended(
            runs, self.runs, self.index, now_ms=self.clock.now_ms(), patience_s=patience_s
        )

    def search_experiments(
        self,
        view: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        page_token: str | None = None,
    ) -> Page[Experiment]:
        """One page of experiments, by the same rules."""
        from stageline.tracking.experiment_search import search_experiments

        return search_experiments(
            self.experiments.list(view), filter_string, max_results, order_by, page_token
        )
