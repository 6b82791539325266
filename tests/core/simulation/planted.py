"""Bugs, each where somebody could make it in the product: a simulation that does not find them proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from history import History, play

import stageline.registry.ledger as ledger
import stageline.storage.index as index
import stageline.storage.index_objects as index_objects
import stageline.storage.journal as journal
import stageline.storage.wal as wal
import stageline.tracking.collect as collect
import stageline.tracking.reaping as reaping
import stageline.tracking.stream as stream
from stageline.domain.events import StatusSet
from stageline.domain.ids import new_txn
from stageline.domain.run import RunStatus
from stageline.errors import Conflict, StorageFailed
from stageline.storage import layout
from stageline.storage.frames import scan_frames
from stageline.storage.index_changes import final_name
from stageline.storage.manifest import ShardRef
from stageline.storage.segment import decode_segment
from stageline.storage.shard import pack_shards

Bug = Callable[[ExitStack], None]
BUGS: dict[str, Bug] = {}


def bug(name: str) -> Callable[[Bug], Bug]:
    def taken(planted: Bug) -> Bug:
        BUGS[name] = planted
        return planted

    return taken


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with one of them, inside the block."""
    with ExitStack() as stack:
        BUGS[name](stack)
        yield


def caught(name: str, seeds: int = 100) -> History | None:
    """The first history that shows the bug, of so many."""
    with planted(name):
        for seed in range(seeds):
            history = play(seed)
            if history.violations:
                return history
    return None


def _instead(stack: ExitStack, place: Any, name: str, other: Any) -> None:
    stack.enter_context(patch.object(place, name, other))


@bug("no read-back: a create that says it exists is taken for lost")
def _no_read_back(stack: ExitStack) -> None:
    def rival(store: Any, key: str, data: bytes, **_: Any) -> bytes | None:
        return None if store.create(key, data) else store.read(key) + b" "

    _instead(stack, journal, "rival", rival)


@bug("an unknown outcome is told as a conflict")
def _unknown_as_conflict(stack: ExitStack) -> None:
    append = ledger.Ledger._append

    def told(self: Any, name: str, *rest: Any) -> Any:
        try:
            return append(self, name, *rest)
        except StorageFailed as error:
            raise Conflict("somebody else was first") from error

    _instead(stack, ledger.Ledger, "_append", told)


@bug("a journal's entry is put over the one that is there")
def _overwritten(stack: ExitStack) -> None:
    def rival(store: Any, key: str, data: bytes, **_: Any) -> None:
        store.replace(key, data)

    _instead(stack, journal, "rival", rival)


@bug("whoever lost a race appends what was decided before, without judging it anew")
def _not_judged_anew(stack: ExitStack) -> None:
    append = journal.Journal.append

    def at_next(self: Any, number: int, data: bytes) -> bool:
        while not append(self, number, data):
            number += 1
        return True

    _instead(stack, journal.Journal, "append", at_next)


@bug("entries without a txn: one's own can not be told from another's")
def _no_txn(stack: ExitStack) -> None:
    _instead(stack, index_objects, "new_txn", lambda: "0" * 32)


@bug("the manifest names a shard that has not landed")
def _shard_named_early(stack: ExitStack) -> None:
    waiting: list[tuple[Any, str, bytes]] = []

    def later(self: Any, runs: Any, covers: Any) -> list[ShardRef]:
        for objects, key, data in waiting:
            objects._store.create(key, data)
        waiting.clear()
        named = []
        for packed in pack_shards(runs):
            key = layout.index_shard(self._experiment_id, new_txn())
            waiting.append((self, key, packed.data))
            named.append(ShardRef(key=key, rows=packed.rows, bytes=len(packed.data), covers=covers))
        return named

    _instead(stack, index_objects.IndexObjects, "write_shards", later)


@bug("the inbox is swept by what it lists, not by what the manifest names")
def _swept_by_listing(stack: ExitStack) -> None:
    fold = index.ExperimentIndex.fold

    def sweeping(self: Any) -> int:
        folded = fold(self)
        inbox = self._objects.inbox()
        ended = {name for name in inbox if name.endswith(".json")}
        self._objects.delete(e.key for name, e in inbox.items() if final_name(name) in ended)
        return folded

    _instead(stack, index.ExperimentIndex, "fold", sweeping)


@bug("a torn tail takes the last whole frame with it")
def _last_frame_dropped(stack: ExitStack) -> None:
    scan = scan_frames

    def dropping(data: bytes, start: int = 0) -> Any:
        found = scan(data, start)
        if found.end < len(data) and len(found.payloads) > 1:
            return found._replace(payloads=found.payloads[:-1])
        return found

    for place in list(sys.modules.values()):
        if getattr(place, "scan_frames", None) is scan:
            _instead(stack, place, "scan_frames", dropping)


@bug("a run is ended before the rest of its log is shipped")
def _ended_early(stack: ExitStack) -> None:
    def finish(self: Any) -> None:
        with self.lock:
            self.catch_up()
            self.ship_start()
            self._publish_end()
            self.is_finished = True
            self.path.unlink(missing_ok=True)

    _instead(stack, stream.LogStream, "finish", finish)


@bug("a log is dropped although the store did not take its end")
def _dropped_unshipped(stack: ExitStack) -> None:
    finish = stream.LogStream.finish

    def careless(self: Any) -> None:
        try:
            finish(self)
        except StorageFailed:
            self.path.unlink(missing_ok=True)

    _instead(stack, stream.LogStream, "finish", careless)


@bug("a segment that is in the store already is sent again under the next number")
def _sent_again(stack: ExitStack) -> None:
    def not_past_it(self: Any, key: str) -> None:
        found, at = decode_segment(self.store.read(key), key), self._shipped_to
        self._note_segment(found.head, found.columns)
        self._shipped_to = at

    _instead(stack, stream.LogStream, "_go_on_after", not_past_it)


@bug("who concludes that a run vanished stamps it with the present")
def _killed_now(stack: ExitStack) -> None:
    def killed(at: float, reason: str, _: Any) -> StatusSet:
        from stageline.clock import SYSTEM_CLOCK

        return StatusSet(SYSTEM_CLOCK.stamp() + 10**11, RunStatus.KILLED, int(at * 1000), reason)

    _instead(stack, reaping, "_killed", killed)


@bug("what was noted as garbage is deleted without a second look")
def _no_second_look(stack: ExitStack) -> None:
    _instead(stack, collect.Collector, "_why_run_stays", lambda self, run_id: None)


@bug("what a listing lacks counts as gone: an experiment without its name is collected")
def _believed_listing(stack: ExitStack) -> None:
    from stageline.tracking.experiments import Experiments

    _instead(stack, Experiments, "is_unnamed", lambda self, experiment_id: True)


@bug("of a batch that the disk took in two, the whole is written again")
def _batch_twice(stack: ExitStack) -> None:
    _instead(stack, wal, "whole_in", lambda frames, written: 0)
