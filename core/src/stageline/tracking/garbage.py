"""What is garbage: found by reading the store. Deletes nothing; what becomes of it is in `collect`."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from stageline.clock import DAY_MS
from stageline.domain.retention import TAG_REGISTERED
from stageline.domain.run import TAG_PROTECTED, LifecycleStage, ViewType
from stageline.errors import Corrupt, NotFound
from stageline.storage import layout
from stageline.storage.index import GRACE_S, ExperimentIndex
from stageline.storage.index_changes import IndexLost, final_name
from stageline.storage.index_objects import IndexObjects
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.storage.port import ObjectStore
    from stageline.tracking.experiments import Experiments
    from stageline.tracking.runs import Runs
    from stageline.tracking.search import RunSearch

MARK_FORMAT = "stageline.gc-mark/1"
POSITION_AGE_DAYS = 30
"""Who listens gets a new one each week."""
UPLOAD_AGE_DAYS = 2
"""Parts are taken for hours; what is done then is remembered so long for who asks again."""


class Garbage(msgspec.Struct, frozen=True, kw_only=True):
    """What nobody needs, as far as one look told."""

    format: str = MARK_FORMAT
    txn: str = ""
    time: int
    """Unix time in milliseconds of the look."""
    runs: dict[str, str] = {}
    """Deleted runs -> their experiments."""
    experiments: dict[str, list[str]] = {}
    """Experiments that are deleted, or never got their name -> all of their runs."""
    keys: list[str] = []
    """What `superfluous` found, in an order in which it may be deleted."""

    @property
    def is_nothing(self) -> bool:
        """Whether the store is clean."""
        return not (self.runs or self.experiments or self.keys)


class GarbageFinder:
    """Looks for garbage in one store."""

    def __init__(
        self,
        store: ObjectStore,
        experiments: Experiments,
        runs: Runs,
        search: RunSearch,
        clock: Clock,
    ) -> None:
        self._store = store
        self._experiments = experiments
        self._runs = runs
        self._search = search
        self._clock = clock

    def find(self, older_than_s: float, noted: Sequence[Garbage]) -> Garbage:
        """What is garbage and not `noted` yet; what was deleted less than `older_than_s` ago is none."""
        now = self._clock.now_ms()
        until = now - int(older_than_s * 1000)
        known_experiments = set(chain.from_iterable(one.experiments for one in noted))
        known_runs = set(chain.from_iterable(one.runs for one in noted))
        known_keys = set(chain.from_iterable(one.keys for one in noted))
        experiments = self._dead_experiments(until, known_experiments)
        return Garbage(
            time=now,
            runs=self._dead_runs(until, known_runs, {*known_experiments, *experiments}),
            experiments=experiments,
            keys=[key for key in self.superfluous() if key not in known_keys],
        )

    # -- runs -------------------------------------------------------------------------------------

    def _dead_runs(self, until: int, known: set[str], within: set[str]) -> dict[str, str]:
        ids = [
            e.experiment_id
            for e in self._experiments.list(ViewType.ALL)
            if e.experiment_id not in within
        ]
        deleted = [
            run.run_id
            for run in self._all_runs(ids, ViewType.DELETED_ONLY)
            if run.run_id not in known and _deleted_at(run) <= until and not is_protected(run)
        ]
        # The index may be behind: the run itself decides. Either may lack what protects it.
        found = [run for run in together(self._summary, deleted) if run is not None]
        return {
            run.run_id: run.experiment_id or ""
            for run in found
            if run.is_deleted
            and _deleted_at(run) <= until
            and not is_protected(run)
            and not run.is_running
        }

    def _summary(self, run_id: str) -> RunSummary | None:
        try:
            return self._runs.stored(run_id).summary
        except (NotFound, Corrupt):
            return None

    def _all_runs(self, experiment_ids: list[str], view: ViewType) -> list[RunSummary]:
        found: list[RunSummary] = []
        token: str | None = None
        while experiment_ids:
            page = self._search.search(
                experiment_ids, view=view, max_results=10_000, page_token=token
            )
            found += page
            token = page.token
            if token is None:
                break
        return found

    # -- experiments ------------------------------------------------------------------------------

    def why_experiment_stays(self, experiment_id: str, run_ids: list[str]) -> str | None:
        """Why an experiment that was noted with these runs is no garbage; None if it is."""
        known = {
            experiment.experiment_id: experiment
            for experiment in self._experiments.list(ViewType.ALL)
        }
        experiment = known.get(experiment_id)
        if experiment is None:
            if self._experiments.is_unnamed(experiment_id):
                return None  # or removed already, but for its index perhaps
            return "it has its name, which a listing lacked"
        if self._experiments.is_active_for_sure(experiment_id):
            return "it was restored"
        runs = self._all_runs([experiment_id], ViewType.ALL)
        if any(run.run_id not in run_ids for run in runs):
            return "it has got another run since"
        return self._why_kept(runs)

    def _dead_experiments(self, until: int, known: set[str]) -> dict[str, list[str]]:
        # Folders first: what is created and named after this look is in neither listing, or in both.
        folders = self._store.list(layout.EXPERIMENTS, deep=False)
        named = self._experiments.list(ViewType.ALL)
        nameless = _ids(entry.key for entry in folders) - {e.experiment_id for e in named}
        deleted = {
            e.experiment_id
            for e in named
            if e.lifecycle_stage is LifecycleStage.DELETED and e.last_update_time <= until
        }
        # What a listing lacks may be there all the same.
        nameless = set(filter(self._experiments.is_unnamed, sorted(nameless - known)))
        dead: dict[str, list[str]] = {}
        for experiment_id in sorted((nameless | deleted) - known):
            runs = self._all_runs([experiment_id], ViewType.ALL) if experiment_id in deleted else []
            if self._why_kept(runs) is None:
                dead[experiment_id] = [run.run_id for run in runs]
        return dead

    def _why_kept(self, runs: list[RunSummary]) -> str | None:
        for run in runs:
            if is_protected(run):
                return f"its run {run.run_id} is protected"
            if run.is_running:
                now = self._summary(run.run_id)
                if now is not None and now.is_running:
                    return f"its run {run.run_id} is running"
        return None

    # -- indexes ----------------------------------------------------------------------------------

    def superfluous(self) -> Iterator[str]:
        """Keys that nobody needs, in an order in which they may be deleted.

        Parts of indexes that the newest manifest makes superfluous, where listeners of the registry stood long ago, and
        files in parts that were begun and not ended.
        """
        yield from self._outdated(
            layout.FEED_POSITIONS, layout.feed_position_day, POSITION_AGE_DAYS
        )
        yield from self._outdated(layout.UPLOADS, layout.upload_day, UPLOAD_AGE_DAYS)
        for experiment_id in sorted(
            _ids(e.key for e in self._store.list(layout.INDEX, deep=False))
        ):
            index = ExperimentIndex(self._store, experiment_id, self._clock)
            try:
                yield from (entry.key for entry in index.unreferenced())
                yield from self._folded(experiment_id)
            except IndexLost:  # whoever searches next rebuilds it
                continue

    def _outdated(self, folder: str, day_of: Callable[[str], int], age_days: int) -> Iterator[str]:
        """Keys below a folder whose own day is so long ago."""
        until = self._clock.now_ms() // DAY_MS - age_days
        for entry in self._store.list(folder):
            with suppress(ValueError):  # it is none of ours
                if day_of(entry.key) <= until:
                    yield entry.key

    def _folded(self, experiment_id: str) -> list[str]:
        objects = IndexObjects(self._store, experiment_id, self._clock)
        inbox = objects.inbox()
        manifest = objects.newest()[2]
        until = self._clock.now_ms() - int(GRACE_S * 1000)
        gone = {name for name, time in manifest.folded.items() if time <= until}
        keys = [entry.key for name, entry in inbox.items() if final_name(name) in gone]
        return sorted(
            keys, key=lambda key: key.endswith(".json")
        )  # a `.live` before the `.json` that vouches for it


def is_protected(run: RunSummary) -> bool:
    """Whether nothing may collect the run, even deleted: it is protected, or a model was registered from it."""
    return any(
        run.tags.get(tag, (0, None))[1] is not None for tag in (TAG_PROTECTED, TAG_REGISTERED)
    )


def _deleted_at(run: RunSummary) -> int:
    return run.deletion[0] // 1_000_000 if run.deletion else 0


def _ids(folders: Iterable[str]) -> set[str]:
    return {folder.rstrip("/").rpartition("/")[2] for folder in folders}
