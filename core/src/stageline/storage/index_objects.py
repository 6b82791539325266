"""The objects of one experiment's index: every request that the index makes, and nothing of what it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from stageline.domain.ids import new_txn
from stageline.errors import Corrupt, NotFound
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.index_changes import IndexLost, PackedShard
from stageline.storage.journal import Journal
from stageline.storage.manifest import Manifest, ShardRef, decode_manifest
from stageline.storage.parallel import together
from stageline.storage.shard import pack_shards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.storage.port import Entry, ObjectStore

# Enough to hide the round trips of a full inbox, few enough for the connection pools of the S3 clients.
_AT_ONCE = 16

K = TypeVar("K")
V = TypeVar("V")


class IndexObjects:
    """Inbox, manifests and shards of one experiment."""

    def __init__(self, store: ObjectStore, experiment_id: str, clock: Clock) -> None:
        self._store = store
        self._experiment_id = experiment_id
        self._clock = clock
        self._inbox = layout.index_inbox(experiment_id)
        self._manifests = layout.index_manifests(experiment_id)
        self._shards = layout.index_shard(experiment_id, "").rpartition("/")[0] + "/"

    def is_shard(self, key: str) -> bool:
        """Whether `key` is one of the index's shards."""
        return key.startswith(self._shards)

    def inbox(self) -> dict[str, Entry]:
        """The inbox entries by name: one listing."""
        return {
            entry.key.rpartition("/")[2]: entry
            for entry in self._store.list(self._inbox, deep=False)
            if entry.key.endswith((".json", ".live"))
        }

    def manifests(self, limit: int | None = None) -> list[Entry]:
        """The manifests, newest first: one listing."""
        listed = self._store.list(self._manifests, deep=False, limit=limit)
        found = [entry for entry in listed if _is_numbered(entry)]
        # Something else sorts first, such as a desktop's .DS_Store: look past it.
        return found if found or not listed or limit is None else self.manifests()[:limit]

    def shards(self) -> list[Entry]:
        """All shards, named or not: one listing."""
        return self._store.list(self._shards, deep=False)

    def journal(self) -> Journal:
        """The journal of manifests. A fresh one remembers nothing, so it sees what was deleted."""
        return Journal(self._store, self._manifests, clock=self._clock)

    def manifest(self, number: int) -> Manifest:
        """Raises `IndexLost` if it is not there or damaged; number 0 never is."""
        if not number:
            raise IndexLost(f"experiment {self._experiment_id!r} has no index")
        try:
            return self._decoded(
                number, self._store.read(self._manifests + layout.revision(number))
            )
        except NotFound as error:
            raise IndexLost(f"manifest {number} is missing") from error

    def newest(self) -> tuple[Journal, int, Manifest]:
        """The journal, ready to append, with the newest entry's number and content. Raises `IndexLost`."""
        journal = self.journal()
        try:
            entry = journal.latest()
        except NotFound as error:
            raise IndexLost("the newest manifest is missing") from error
        if entry is None:
            raise IndexLost(f"experiment {self._experiment_id!r} has no index")
        return journal, entry.number, self._decoded(entry.number, entry.data)

    def _decoded(self, number: int, data: bytes) -> Manifest:
        try:
            return decode_manifest(data, f"index manifest {number}", self._shards)
        except Corrupt as error:
            raise IndexLost(f"manifest {number} can not be read: {error}") from error

    def read(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those of the objects that exist, asked for at once."""
        found = at_once({key: self._reading(key) for key in keys})
        return {key: data for key, data in found.items() if data is not None}

    def read_shards(self, shards: Iterable[ShardRef]) -> list[RunSummary]:
        """Everything in `shards`. Raises `IndexLost` if one is missing or damaged."""
        keys = [shard.key for shard in shards]
        found = self.read(keys)
        missing = [key for key in keys if key not in found]
        if missing:
            raise IndexLost(f"shards are missing: {missing}")
        return [summary for key in keys for summary, _ in PackedShard(key, found[key]).rows()]

    def write_shards(self, runs: Iterable[RunSummary], covers: list[str] | None) -> list[ShardRef]:
        """Put `runs` into new shards, which nobody knows of until a manifest names them."""
        written = []
        for packed in pack_shards(runs):
            key = layout.index_shard(self._experiment_id, new_txn())
            commit(self._store, key, packed.data, clock=self._clock)
            written.append(
                ShardRef(key=key, rows=packed.rows, bytes=len(packed.data), covers=covers)
            )
        return written

    def delete(self, keys: Iterable[str]) -> None:
        """Delete them all, at once."""
        at_once({key: self._deleting(key) for key in keys})

    def _reading(self, key: str) -> Callable[[], bytes | None]:
        def read() -> bytes | None:
            try:
                return self._store.read(key)
            except NotFound:
                return None

        return read

    def _deleting(self, key: str) -> Callable[[], None]:
        return lambda: self._store.delete(key)


def at_once(calls: Mapping[K, Callable[[], V]]) -> dict[K, V]:
    """The results of `calls`, which run in a few threads; the first failure is raised once all have ended."""
    results = together(lambda call: call(), calls.values(), width=_AT_ONCE)
    return dict(zip(calls, results, strict=True))


def _is_numbered(entry: Entry) -> bool:
    try:
        return layout.revision_number(entry.key) > 0
    except ValueError:
        return False
