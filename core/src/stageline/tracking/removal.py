"""Taking runs and experiments out of a store for good, in an order that a crash may cut anywhere.

Whether something may be removed is decided in `collect`; nothing here asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.events import DeletionSet, StatusSet
from stageline.errors import Conflict
from stageline.storage import layout
from stageline.storage.index import ExperimentIndex
from stageline.storage.index_changes import IndexLost, IndexState
from stageline.storage.parallel import together
from stageline.tracking.log_objects import writer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.storage.port import Entry, ObjectStore
    from stageline.tracking.reading import RunReader, StoredRun

_TURNS = 10


def remove_run(store: ObjectStore, reader: RunReader, run_id: str, experiment_id: str) -> None:
    """Remove a run, and what its writers left in its experiment's inbox.

    It reads as deleted, and as over, as long as it can. Its id stays claimed until nothing else is listed, and what
    condemned it stays until the last.

    Raises:
        Conflict: somebody writes to the run as fast as it is removed.
    """
    start, verdicts = layout.run_start(run_id), layout.run_verdicts(run_id)
    gone: set[Entry] = set()
    last: list[str] = []
    is_claimed = True
    for _ in range(_TURNS):
        # A listing may lag, and show what has just been removed; or be cut short, and lack what is there.
        left = {one.key: one for one in store.list(layout.run_folder(run_id)) if one not in gone}
        if not left and not is_claimed:
            return
        others = [k for k in left if k not in last and k != start and not k.startswith(verdicts)]
        if others:
            stored = reader.find(run_id)
            last = sorted(_last_words(stored)) if stored else []
            others = [key for key in others if key not in last]
        if others:
            _remove_others(store, run_id, experiment_id, others)
            gone.update(left[key] for key in others)
        else:
            _remove_from_inbox(store, run_id, experiment_id, last)
            for key in [*last, start, *(key for key in left if key.startswith(verdicts))]:
                store.delete(key)
            gone.update(left.values())
            is_claimed = False
    raise Conflict(f"run {run_id} is written to as fast as it is removed: end what writes it first")


def _remove_others(store: ObjectStore, run_id: str, experiment_id: str, keys: list[str]) -> None:
    _remove_from_inbox(store, run_id, experiment_id, keys)
    ends = [key for key in keys if key.endswith(".end.json")]
    # A log goes before the end that sums it up: without its end, a reader would take the log for an open one.
    together(store.delete, [key for key in keys if key not in ends])
    together(store.delete, ends)


def _remove_from_inbox(
    store: ObjectStore, run_id: str, experiment_id: str, keys: list[str]
) -> None:
    """What the writers of these objects said to the index: while the objects tell who they were."""
    log = layout.run_log(run_id)
    writers = sorted({writer_of(key) for key in keys if key.startswith(log)})
    if experiment_id:
        together(store.delete, [layout.inbox_live(experiment_id, run_id, each) for each in writers])
        together(
            store.delete, [layout.inbox_final(experiment_id, run_id, each) for each in writers]
        )


def remove_from_index(
    store: ObjectStore, experiment_id: str, run_ids: Collection[str], clock: Clock
) -> None:
    """Let an experiment's index, and with it every copy of it, forget runs that are gone.

    The index is written anew even where it does not name them any more: only that makes readers drop what they took in.
    """
    inbox = store.list(layout.index_inbox(experiment_id), deep=False)
    theirs = [entry.key for entry in inbox if _run_of(entry.key) in run_ids]
    for ending in (".live", ".json"):
        together(store.delete, [key for key in theirs if key.endswith(ending)])
    index = ExperimentIndex(store, experiment_id, clock)
    try:
        for _ in range(_TURNS):
            if index.rebuild(lambda: [run for run in _rows(index) if run.run_id not in run_ids]):
                return
    except IndexLost:  # whoever searches next builds it from the runs that are left
        return
    raise Conflict(
        f"the index of experiment {experiment_id} changes too fast to be cleaned; try again"
    )


def remove_index(store: ObjectStore, experiment_id: str) -> None:
    """Remove an experiment's index. The experiment must be gone, or the next search builds the index again."""
    together(store.delete, [entry.key for entry in store.list(f"{layout.INDEX}{experiment_id}/")])


def remove_views(store: ObjectStore, experiment_id: str) -> None:
    """Remove what people saved of an experiment's table."""
    together(store.delete, [e.key for e in store.list(f"{layout.VIEWS}{experiment_id}/")])


def _rows(index: ExperimentIndex) -> Iterable[RunSummary]:
    everything = index.changes(IndexState())
    for shard in everything.shards:
        for summary, _ in shard.rows():
            yield summary
    yield from everything.summaries


def _last_words(stored: StoredRun) -> list[str]:
    """The objects without which the run would no longer read as deleted, or would read as running."""
    run_id = stored.summary.run_id
    ends = [
        layout.run_end(run_id, writer)
        for writer, end in stored.ends.items()
        if end.summary.deletion is not None or end.summary.status is not None
    ]
    logs = [
        key
        for key, segment in stored.loose.items()
        if any(isinstance(event, (DeletionSet, StatusSet)) for event in segment.events)
    ]
    return ends + logs


def _run_of(key: str) -> str:
    return key.rpartition("/")[2].rpartition("-")[0]
