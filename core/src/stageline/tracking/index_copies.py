"""Local copies of experiments' indexes, kept up to date; and the indexes themselves, folded and rebuilt as need be."""

from __future__ import annotations

import hashlib
import logging
import os
import random
from collections import OrderedDict
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from stageline.domain.ids import new_txn
from stageline.errors import NotFound, StagelineError, StorageFailed
from stageline.storage import layout
from stageline.storage.index import GRACE_S, ExperimentIndex
from stageline.storage.index_changes import Changes, IndexLost, IndexState
from stageline.storage.local import LocalStore
from stageline.storage.projection import Projection
from stageline.storage.projection_file import ProjectionLost
from stageline.tracking.shared_look import SharedLook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.storage.port import ObjectStore

FOLD_ABOVE = 256
"""Summaries in an inbox beyond which a search may fold them; at twice as many it does."""

_TRIES = 5
_FEWEST_OPEN, _MOST_OPEN = 64, 256
"""Copies that are kept open. To open one again costs as much as four searches of it, and who searches more
experiments at once than are kept does so for each of them."""
_FOLD_PAUSE_MS = 600_000
"""After a fold that failed: whoever may not write need not try at each search."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class IndexCopies:
    """One copy for each experiment that is searched. Safe to use from many threads.

    `read_runs` goes from an experiment's id to everything that is recorded of its runs: slow, and the truth.
    """

    def __init__(
        self,
        store: ObjectStore,
        cache_dir: Path,
        clock: Clock,
        read_runs: Callable[[str], Iterable[RunSummary]],
        *,
        max_staleness_s: float = 0.0,
        fold_above: int = FOLD_ABOVE,
        chance: Callable[[], float] = random.random,
        grace_s: float = GRACE_S,
    ) -> None:
        self._store = store
        self._cache_dir = cache_dir
        self._clock = clock
        self._read_runs = read_runs
        self._max_staleness_ms = int(max_staleness_s * 1000)
        self._fold_above = fold_above
        self._chance = chance
        self._grace_s = grace_s
        self._most_open = _affordable_copies()
        self._lock = Lock()
        self._copies: OrderedDict[str, Projection] = OrderedDict()
        self._refreshed_ms: dict[str, int] = {}
        self._fold_after_ms: dict[str, int] = {}
        self._looks: dict[str, SharedLook[int]] = {}

    def index(self, experiment_id: str) -> ExperimentIndex:
        """The index of one experiment, for those who fold, rebuild or collect it."""
        return ExperimentIndex(self._store, experiment_id, self._clock, grace_s=self._grace_s)

    def close(self) -> None:
        """Let go of all files; the next use opens them again."""
        with self._lock:
            for copy in self._copies.values():
                copy.close()
            self._copies.clear()

    def ask(self, experiment_id: str, question: Callable[[Projection], T]) -> T:
        """What the copy answers as it is, or read again if it was lost."""
        for _ in range(_TRIES):
            try:
                return question(self._copy(experiment_id))
            except ProjectionLost as error:
                _log.info("the local copy of an index is read again: %s", error)
                self._refresh(experiment_id)
        raise self._unusable(experiment_id)

    def refresh(self, experiment_id: str) -> int:
        """Bring the copy up to date, unless that was done within `max_staleness_s`.

        Returns how many summaries wait to be folded, as far as it looked.
        """
        last = self._refreshed_ms.get(experiment_id)
        if last is not None and 0 <= self._clock.now_ms() - last < self._max_staleness_ms:
            return 0
        return self._refresh(experiment_id)

    def signs_of_life(self, experiment_id: str) -> dict[str, float]:
        """Run id -> Unix time in seconds, by the store's clock, of the latest heartbeat that the last refresh saw."""
        seen: dict[str, float] = {}
        for name, found in self._copy(experiment_id).state().inbox.items():
            if name.endswith(".live") and found is not None:
                run_id = name.rpartition("-")[0]
                seen[run_id] = max(seen.get(run_id, 0.0), found.modified)
        return seen

    def fold_if_full(self, experiment_id: str, foldable: int) -> None:
        """Fold, the more likely the fuller the inbox is, so that not all of many readers do. Never fails."""
        now = self._clock.now_ms()
        if self._chance() >= (foldable - self._fold_above) / self._fold_above:
            return
        if now < self._fold_after_ms.get(experiment_id, 0):
            return
        try:
            self.index(experiment_id).fold()
        except (StagelineError, OSError, IndexLost) as error:
            _log.info("the inbox of experiment %s was not folded: %s", experiment_id, error)
            self._fold_after_ms[experiment_id] = now + _FOLD_PAUSE_MS

    def _refresh(self, experiment_id: str) -> int:
        look = self._looks.get(experiment_id)
        if look is None:
            look = self._looks.setdefault(
                experiment_id, SharedLook(partial(self._refreshed, experiment_id))
            )
        return look()

    def _refreshed(self, experiment_id: str) -> int:
        for _ in range(_TRIES):
            began = self._clock.now_ms()
            try:
                foldable = self._taken_in(experiment_id)
            except ProjectionLost as error:
                _log.info("the local copy of an index is read again: %s", error)
                continue
            if foldable is not None:
                self._refreshed_ms[experiment_id] = began
                return foldable
        raise self._unusable(experiment_id)

    def _taken_in(self, experiment_id: str) -> int | None:
        """How many summaries wait to be folded; None where it has to be looked again."""
        index, copy = self.index(experiment_id), self._copy(experiment_id)
        try:
            changes = index.changes(copy.state())
            return changes.foldable if changes.is_nothing or copy.apply(changes) else None
        except IndexLost as error:
            _log.info("the index of experiment %s is rebuilt: %s", experiment_id, error)
        runs = self._rebuilt(index, experiment_id)
        if runs is None:
            return None
        unwritten = Changes(copy.state(), IndexState(epoch=new_txn()), True, [], runs, 0)
        return 0 if copy.apply(unwritten) else None

    def _rebuilt(self, index: ExperimentIndex, experiment_id: str) -> list[RunSummary] | None:
        """Write the index anew, or see that another did; the runs themselves where the store can not be written."""
        runs: list[RunSummary] | None = None

        def read() -> list[RunSummary]:
            nonlocal runs
            runs = list(self._read_runs(experiment_id))
            if isinstance(self._store, LocalStore) and not os.path.isdir(self._store.url):
                # Looking into a folder that is not there, or is misspelt, must not make it.
                raise NotFound(f"there is no folder {self._store.url}")
            return runs

        try:
            index.rebuild(read)
        except (StagelineError, OSError) as error:
            if runs is None:
                raise
            _log.info("the index of experiment %s can not be written: %s", experiment_id, error)
            return runs
        return None

    def _copy(self, experiment_id: str) -> Projection:
        with self._lock:
            copy = self._copies.get(experiment_id)
            if copy is None:
                path = self._cache_dir / _file_name(experiment_id)
                copy = self._copies[experiment_id] = Projection(path, experiment_id)
            self._copies.move_to_end(experiment_id)
            if len(self._copies) > self._most_open:
                # Whoever is just using it opens it again.
                self._copies.popitem(last=False)[1].close()
            return copy

    def _unusable(self, experiment_id: str) -> StorageFailed:
        return StorageFailed(
            f"the index of experiment {experiment_id!r} changed or failed each of {_TRIES} times that it was read: "
            f"try again; if that does not help, delete {layout.INDEX}{experiment_id}/ in {self._store.url} "
            f"and {self._cache_dir}: both are rebuilt from the runs"
        )


def _file_name(experiment_id: str) -> str:
    # The digest tells ids apart that differ in case, on a file system that does not.
    digest = hashlib.sha256(experiment_id.encode()).hexdigest()[:8]
    return f"{layout.quoted(experiment_id)[:80]}-{digest}"


def _affordable_copies() -> int:
    """How many copies, of three files each, leave most of what this process may open to the rest of it."""
    try:
        import resource
    except ImportError:  # Windows
        return _FEWEST_OPEN
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed == resource.RLIM_INFINITY:
        return _MOST_OPEN
    return max(_FEWEST_OPEN, min(_MOST_OPEN, allowed // 8))
