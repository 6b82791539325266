"""Garbage collection in two phases: what is found now is deleted by a call that comes a grace time later.

The first phase writes down what `garbage` found, under `gc/`; the second finds out anew whether each thing is still
garbage, deletes it, and removes the note last. So a process that was paused between reading and naming an object has
the grace time to do so, a run that was restored meanwhile survives, and the next call finishes after a crash.

Before the first of its objects goes, a run is condemned: from then on nobody can restore it, and whoever finds it half
removed goes on. No listing decides that, see `verdicts`.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.ids import new_txn
from stageline.errors import Corrupt, NotFound
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.keys import TEMPORARY
from stageline.storage.local import LocalStore
from stageline.storage.parallel import together
from stageline.tracking.garbage import MARK_FORMAT, Garbage, GarbageFinder, is_protected
from stageline.tracking.reading import RunReader
from stageline.tracking.removal import remove_from_index, remove_index, remove_run, remove_views
from stageline.tracking.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore
    from stageline.tracking.experiments import Experiments
    from stageline.tracking.runs import Runs
    from stageline.tracking.search import RunSearch

OLDER_THAN_S = 30 * 86_400.0
MARK_GRACE_S = 86_400.0
"""Longer than any upload, and than a laptop sleeps over night."""
_RESTORED = "it was restored"
TEMPORARY_AGE_S = 86_400.0
"""A temporary file is written to, and so younger, as long as anybody needs it."""


class Mark(NamedTuple):
    """Garbage that was noted, and where."""

    key: str
    garbage: Garbage


class Collected(NamedTuple):
    """What a call removed, and what it noted before but found needed again."""

    runs: list[str]
    experiments: list[str]
    keys: list[str]
    spared: dict[str, str]
    """Run or experiment -> why it stays."""


class Collector:
    """Collects the garbage of one store. Any number may work at once; none holds what the others need."""

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
        self._clock = clock
        self._reader = RunReader(store)
        self._finder = GarbageFinder(store, experiments, runs, search, clock)

    # -- the first phase --------------------------------------------------------------------------

    def plan(self, older_than_s: float = OLDER_THAN_S) -> Garbage:
        """What could be noted now, without what is noted already. Deletes and notes nothing.

        Args:
            older_than_s: Runs and experiments that were deleted less long ago stay.
        """
        return self._finder.find(older_than_s, [mark.garbage for mark in self.marks()])

    def mark(self, garbage: Garbage) -> None:
        """Note what `plan` found, for `collect` to look at again."""
        if not garbage.is_nothing:
            noted = msgspec.structs.replace(garbage, txn=new_txn())
            key = layout.gc_mark(noted.time, noted.txn)
            commit(self._store, key, encode_document(noted), clock=self._clock)

    def marks(self) -> list[Mark]:
        """What is noted, the oldest first."""
        keys = [entry.key for entry in self._store.list(layout.GC) if entry.key.endswith(".json")]
        return [mark for mark in together(self._mark, keys) if mark is not None]

    def size(self, garbage: Garbage) -> int:
        """How many bytes the runs in `garbage` take: a listing of each."""
        run_ids = [*garbage.runs, *chain.from_iterable(garbage.experiments.values())]
        listings = together(lambda run_id: self._store.list(layout.run_folder(run_id)), run_ids)
        return sum(entry.size for listing in listings for entry in listing)

    def _mark(self, key: str) -> Mark | None:
        try:
            return Mark(key, decode_document(self._store.read(key), Garbage, MARK_FORMAT, key)[0])
        except NotFound:  # another collector was done with it
            return None

    # -- the second phase -------------------------------------------------------------------------

    def due(self, grace_s: float = MARK_GRACE_S) -> list[Mark]:
        """What was noted at least `grace_s` ago."""
        until = self._clock.now_ms() - int(grace_s * 1000)
        return [mark for mark in self.marks() if mark.garbage.time <= until]

    def collect(self, marks: Iterable[Mark]) -> Collected:
        """Delete what was noted, where it is garbage still. May be repeated after a crash; call it with `due()`."""
        done = Collected([], [], [], {})
        for mark in marks:
            self._collect_runs(mark.garbage, done)
            for experiment_id, run_ids in mark.garbage.experiments.items():
                self._collect_experiment(experiment_id, run_ids, done)
            self._collect_keys(mark.garbage, done)
            self._store.delete(mark.key)
        return done

    def _collect_runs(self, garbage: Garbage, done: Collected) -> None:
        gone: dict[str, set[str]] = {}
        for run_id, experiment_id in garbage.runs.items():
            reason = self._why_run_stays(run_id)
            if reason is not None:
                done.spared[run_id] = reason
                continue
            remove_run(self._store, self._reader, run_id, experiment_id)
            gone.setdefault(experiment_id, set()).add(run_id)
            done.runs.append(run_id)
        for experiment_id, run_ids in gone.items():
            remove_from_index(self._store, experiment_id, run_ids, self._clock)

    def _why_run_stays(self, run_id: str) -> str | None:
        try:
            stored = self._reader.find(run_id)
        except Corrupt as error:
            return str(error)
        verdicts = Verdicts(self._store, self._reader, run_id, self._clock)
        deletion = None if stored is None else stored.summary.deletion
        if stored is None or deletion is None or not deletion[1]:
            if verdicts.is_condemned():  # half removed
                return None
            if deletion is not None:
                return _RESTORED
            is_gone = verdicts.claim() is None
            return None if is_gone else "no listing shows that it is deleted"
        if is_protected(stored.summary) and not verdicts.is_condemned():
            return "it is protected"
        return None if verdicts.condemn(deletion[0]) else _RESTORED

    def _collect_experiment(self, experiment_id: str, run_ids: list[str], done: Collected) -> None:
        reason = self._finder.why_experiment_stays(experiment_id, run_ids)
        if reason is not None:
            done.spared[experiment_id] = reason
            return
        for run_id in run_ids:
            if self._is_of_another(run_id, experiment_id):
                continue
            remove_run(self._store, self._reader, run_id, experiment_id)
            done.runs.append(run_id)
        remove_views(self._store, experiment_id)
        self._experiments.remove(experiment_id)
        remove_index(self._store, experiment_id)
        done.experiments.append(experiment_id)

    def _is_of_another(self, run_id: str, experiment_id: str) -> bool:
        """Whether the id was claimed anew, by a run of another experiment, after this one was removed."""
        try:
            claimed = self._reader.claim(run_id).summary.experiment_id
        except Corrupt:
            return False
        return claimed not in (None, experiment_id)

    def _collect_keys(self, garbage: Garbage, done: Collected) -> None:
        if garbage.keys:
            still = set(self._finder.superfluous())
            for key in garbage.keys:
                if key in still:
                    self._store.delete(key)
                    done.keys.append(key)


def leftovers(store: ObjectStore, clock: Clock, *others: Path | None) -> list[Path]:
    """Temporary files of processes that died, in a local store and in the folders of `others`."""
    folders = [Path(store.url)] if isinstance(store, LocalStore) else []
    folders += [folder for folder in others if folder is not None]
    until = clock.now_ms() / 1000 - TEMPORARY_AGE_S
    return sorted(
        path
        for folder in folders
        for path in folder.rglob(f"{TEMPORARY}*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime <= until
    )
