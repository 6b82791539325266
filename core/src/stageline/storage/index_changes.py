"""What a reader of an index knows, what it lacks, and what it has to take in. Decides; asks the store nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.document import UNREADABLE
from stageline.domain.summary import RunSummary, merge
from stageline.errors import Corrupt
from stageline.storage.inbox_entry import summary_in
from stageline.storage.shard import decode_row, unpack_shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stageline.storage.manifest import Manifest, ShardRef
    from stageline.storage.port import Entry

_log = logging.getLogger(__name__)


class IndexLost(Exception):
    """There is no usable index: rebuild it from the runs. A signal to the caller; users never see it."""


class Identity(NamedTuple):
    """What a listing tells of an object's content."""

    size: int
    modified: float
    etag: str | None


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader has taken in of an index."""

    epoch: str = ""
    manifest: int = 0
    manifest_identity: Identity | None = None
    shards: frozenset[str] = frozenset()
    inbox: dict[str, Identity | None] = {}
    """Names of inbox entries -> what they were when read; None: read as part of a shard."""

    def joined(self, other: IndexState) -> IndexState:
        """What somebody knows who took in both; they are of one epoch."""
        newer = max(self, other, key=lambda state: state.manifest)
        return IndexState(
            epoch=newer.epoch,
            manifest=newer.manifest,
            manifest_identity=newer.manifest_identity,
            shards=self.shards | other.shards,
            inbox={**other.inbox, **self.inbox},
        )


class PackedShard(NamedTuple):
    """A shard as it was read."""

    key: str
    data: bytes

    def rows(self) -> Iterator[tuple[RunSummary, bytes]]:
        """Each summary with its encoded form. Raises `IndexLost` if the shard is damaged."""
        try:
            for row in unpack_shard(self.data, self.key):
                yield decode_row(row), bytes(row)
        except (Corrupt, *UNREADABLE) as error:
            raise IndexLost(f"shard {self.key!r} can not be read: {error}") from error


class Changes(NamedTuple):
    """What a reader has to take in."""

    since: IndexState
    state: IndexState
    """The reader's, once it has taken this in."""
    is_reset: bool
    """Whether what was taken in before is void."""
    shards: list[PackedShard]
    summaries: list[RunSummary]
    foldable: int
    """Finished inbox entries that no shard holds."""

    @property
    def is_nothing(self) -> bool:
        """Whether the reader is up to date."""
        return self.state == self.since


class View(NamedTuple):
    """One look at the index."""

    inbox: Mapping[str, Entry]
    """By name."""
    number: int
    identity: Identity | None
    manifest: Manifest | None
    """None: the one that the reader knows."""

    def is_reset(self, known: IndexState) -> bool:
        """Whether the index was rebuilt since."""
        return self.manifest is not None and self.manifest.epoch != known.epoch


def identity(entry: Entry) -> Identity:
    """What tells this content from another under the same key."""
    return Identity(entry.size, entry.modified, entry.etag)


def final_name(name: str) -> str:
    """The name of the final summary of the writer whose inbox entry is called `name`."""
    return f"{name.rpartition('.')[0]}.json"


def wanted(known: IndexState, view: View) -> list[str]:
    """Keys of the shards and inbox entries that the reader has not taken in."""
    if view.is_reset(known):
        known = IndexState()
    named = view.manifest.shards if view.manifest else []
    folded: Mapping[str, int] = view.manifest.folded if view.manifest else {}
    shards = [shard.key for shard in named if not _has(known, shard)]
    return shards + [
        entry.key
        for name, entry in view.inbox.items()
        if name not in folded
        and not _is_known(entry, known.inbox.get(name, _NEVER_SEEN))
        and (name == final_name(name) or not _is_superseded(name, known, view, folded))
    ]


_NEVER_SEEN = Identity(-1, 0.0, None)


def _is_known(entry: Entry, seen: Identity | None) -> bool:
    """Whether what was seen under the entry's name is what lies there now."""
    return seen is None or (
        seen.size == entry.size and seen.modified == entry.modified and seen.etag == entry.etag
    )


def taken(known: IndexState, view: View, fetched: Mapping[str, bytes]) -> IndexState:
    """The reader's state once it has taken in `fetched`."""
    if (
        view.manifest is None
        and not fetched
        and (view.number, view.identity) == (known.manifest, known.manifest_identity)
        and view.inbox.keys() == known.inbox.keys()
    ):
        return known  # the most usual case, and with thousands of names in the inbox the one that counts
    seen = {} if view.is_reset(known) else known.inbox
    # What is folded counts as read even where it is listed no more: another listing may be older.
    kept: dict[str, Identity | None] = (
        dict.fromkeys(view.manifest.folded)
        if view.manifest
        else {name: None for name, was in seen.items() if was is None}
    )
    for name, entry in view.inbox.items():
        if entry.key in fetched:
            kept[name] = identity(entry)
        elif name in seen:
            kept.setdefault(name, seen[name])
    return IndexState(
        epoch=view.manifest.epoch if view.manifest else known.epoch,
        manifest=view.number,
        manifest_identity=view.identity,
        shards=frozenset(shard.key for shard in view.manifest.shards)
        if view.manifest
        else known.shards,
        inbox=kept,
    )


def foldable(state: IndexState, view: View) -> int:
    """How many finished summaries of the inbox no shard holds, as far as a reader in `state` knows."""
    return sum(
        name.endswith(".json") and state.inbox.get(name, ()) is not None for name in view.inbox
    )


def decoded(entries: Mapping[str, bytes]) -> dict[str, RunSummary]:
    """Inbox entries, by key. A damaged one is left out: the run's own records still have what it said."""
    found = {}
    for key, data in entries.items():
        try:
            found[key] = summary_in(data)
        except Corrupt as error:
            _log.warning("%s is damaged and left out of searches: %s", key, error)
    return found


def by_run(summaries: Iterable[RunSummary]) -> dict[str, RunSummary]:
    """One summary for each run."""
    runs: dict[str, RunSummary] = {}
    for summary in summaries:
        known = runs.get(summary.run_id)
        runs[summary.run_id] = merge(known, summary) if known else summary
    return runs


def _has(known: IndexState, shard: ShardRef) -> bool:
    if shard.key in known.shards:
        return True
    return shard.covers is not None and all(
        part in known.shards or part in known.inbox for part in shard.covers
    )


def _is_superseded(name: str, known: IndexState, view: View, folded: Mapping[str, int]) -> bool:
    final = final_name(name)
    return final in folded or final in view.inbox or final in known.inbox
