"""The index of one experiment's runs: what changed for a reader, folding, rebuilding. It may be deleted at any time.

Why folding, racing and dying at any moment lose nothing is in docs/design/001.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.domain.ids import new_txn
from stageline.storage import layout
from stageline.storage.index_changes import (
    Changes,
    IndexLost,
    IndexState,
    PackedShard,
    View,
    by_run,
    decoded,
    final_name,
    foldable,
    identity,
    taken,
    wanted,
)
from stageline.storage.index_objects import IndexObjects, at_once
from stageline.storage.manifest import Manifest, covered, worth_merging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stageline.domain.summary import RunSummary
    from stageline.storage.port import Entry, ObjectStore

GRACE_S = 600.0
"""How long a folded entry stays in the inbox, for those who read the manifest before."""

_LOOKS = 4


class ExperimentIndex:
    """The index of one experiment. Holds no state of its own, so any number may work on it, anywhere."""

    def __init__(
        self,
        store: ObjectStore,
        experiment_id: str,
        clock: Clock = SYSTEM_CLOCK,
        *,
        grace_s: float = GRACE_S,
    ) -> None:
        self._objects = IndexObjects(store, experiment_id, clock)
        self._clock = clock
        self._grace_ms = int(grace_s * 1000)

    # -- reading ----------------------------------------------------------------------------------

    def changes(self, known: IndexState) -> Changes:
        """What happened since `known`: two listings at once, then only what is new, all at once.

        Raises:
            IndexLost: there is no index, or a part of it is missing or damaged.
            NotAllowed: a newer version wrote it.
        """
        fetched: dict[str, bytes] = {}
        looked_at: set[int] = set()
        while True:
            view = self._look(known)
            keys = wanted(known, view)
            fetched.update(self._objects.read(key for key in keys if key not in fetched))
            missing = [key for key in keys if key not in fetched]
            # An entry was folded and deleted, or a shard merged and collected, since we looked: then there is a
            # newer manifest. If there is none, the listing was stale, or the shard is lost.
            if not missing or view.number in looked_at or len(looked_at) == _LOOKS:
                break
            looked_at.add(view.number)
        if any(self._objects.is_shard(key) for key in missing):
            raise IndexLost(f"shards are missing: {missing}")
        return self._changes(known, view, {key: fetched[key] for key in keys if key in fetched})

    def _look(self, known: IndexState) -> View:
        newest, inbox = self._listings()
        if newest:
            number = layout.revision_number(newest[0].key)
            found = identity(newest[0])
            if (number, found) == (known.manifest, known.manifest_identity):
                return View(inbox, number, found, None)
            manifest = self._objects.manifest(number)
            if number >= known.manifest or manifest.epoch != known.epoch:
                return View(inbox, number, found, manifest)
        # Either a stale listing, or somebody has deleted what we know.
        self._objects.manifest(known.manifest)
        return View(inbox, known.manifest, known.manifest_identity, None)

    def _listings(self) -> tuple[list[Entry], dict[str, Entry]]:
        began = self._clock.now_ms()
        newest: list[Entry] = []
        inbox: dict[str, Entry] = {}
        at_once(
            {
                "manifests": lambda: newest.extend(self._objects.manifests(limit=1)),
                "inbox": lambda: inbox.update(self._objects.inbox()),
            }
        )
        if 0 <= self._clock.now_ms() - began < self._grace_ms:
            return newest, inbox
        # What the inbox no longer held may have been folded after the manifests were listed.
        return self._objects.manifests(limit=1), inbox

    def _changes(self, known: IndexState, view: View, fetched: Mapping[str, bytes]) -> Changes:
        state = taken(known, view, fetched)
        is_shard = self._objects.is_shard
        entries = {key: data for key, data in fetched.items() if not is_shard(key)}
        return Changes(
            since=known,
            state=state,
            is_reset=view.is_reset(known),
            shards=[PackedShard(key, data) for key, data in fetched.items() if is_shard(key)],
            summaries=list(decoded(entries).values()),
            foldable=foldable(state, view),
        )

    # -- folding ----------------------------------------------------------------------------------

    def fold(self) -> int:
        """Move finished summaries from the inbox into shards, and delete what was moved a grace time ago.

        Returns how many were moved; 0 also where another was faster. Anybody may call it, at any time, and die at any
        point. Raises `IndexLost` if there is no index or it is damaged.
        """
        inbox = self._objects.inbox()
        journal, latest, manifest = self._objects.newest()
        waiting = {
            name: entry.key
            for name, entry in inbox.items()
            if name.endswith(".json") and name not in manifest.folded
        }
        following = self._folded(manifest, inbox, waiting) if waiting else None
        if following is not None:
            if not journal.append(latest + 1, following.encoded()):
                return 0
            manifest = following
        self._sweep(inbox, manifest)
        return len(manifest.folded.keys() & waiting.keys())

    def _folded(
        self, manifest: Manifest, inbox: Mapping[str, Entry], waiting: Mapping[str, str]
    ) -> Manifest | None:
        """The manifest after `waiting` was folded, its shards written; None if nothing of it can be read."""
        summaries = decoded(self._objects.read(waiting.values()))
        found = {name: summaries[key] for name, key in waiting.items() if key in summaries}
        if not found:
            return None
        runs = by_run(found.values())
        merged = worth_merging(manifest.shards, len(runs))
        if merged:
            runs = by_run([*self._objects.read_shards(merged), *runs.values()])
        parts = covered([*found, *(shard.key for shard in merged)])
        written = self._objects.write_shards(runs.values(), parts)
        now = self._clock.now_ms()
        folded = {name: time for name, time in manifest.folded.items() if name in inbox}
        return Manifest(
            txn=new_txn(),
            epoch=manifest.epoch,
            time=now,
            shards=manifest.shards_without(merged) + written,
            folded={**folded, **dict.fromkeys(found, now)},
        )

    def _sweep(self, inbox: Mapping[str, Entry], manifest: Manifest) -> None:
        until = self._clock.now_ms() - self._grace_ms
        gone = {name for name, time in manifest.folded.items() if time <= until}
        # The `.live` first: while its `.json` is there, that name says that it is folded.
        for ending in (".live", ".json"):
            self._objects.delete(
                entry.key
                for name, entry in inbox.items()
                if name.endswith(ending) and final_name(name) in gone
            )

    # -- rebuilding, collecting -------------------------------------------------------------------

    def rebuild(self, read: Callable[[], Iterable[RunSummary]]) -> bool:
        """Write the index anew from what `read` returns: a summary, or several, of every run of the experiment.

        False if somebody wrote a manifest meanwhile: look again. `read` is called after this has looked, so that
        nothing which was folded, and deleted, after the reading can be overwritten.
        """
        journal = self._objects.journal()
        base = max(journal.numbers(), default=0)
        shards = self._objects.write_shards(by_run(read()).values(), covers=None)
        manifest = Manifest(
            txn=new_txn(), epoch=new_txn(), time=self._clock.now_ms(), shards=shards
        )
        return journal.append(base + 1, manifest.encoded())

    def unreferenced(self) -> list[Entry]:
        """What a collector may delete after a grace time: manifests but the newest, shards that it does not name.

        Among them is a shard that a folder has just written and not yet named. Raises `IndexLost`.
        """
        # The shards first: what is written and named after this listing is not in it.
        shards = self._objects.shards()
        manifests = self._objects.manifests()
        newest = layout.revision_number(manifests[0].key) if manifests else 0
        named = {shard.key for shard in self._objects.manifest(newest).shards}
        return manifests[1:] + [entry for entry in shards if entry.key not in named]
