"""One writer's log on its way into the store: cut into segments, summed up for the index.

A live writer has one, and so has whoever ships the log that a dead process left. Nothing here knows what a user logs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.artifact import RunEnd
from stageline.domain.events import (
    ArtifactsStored,
    Started,
    decode_event,
    encode_event,
)
from stageline.domain.run_start import RunStart
from stageline.domain.summary_json import encode_json, encode_summary
from stageline.errors import Corrupt, StorageFailed
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.frames import MAX_RECORD, scan_frames
from stageline.storage.local import LocalStore
from stageline.storage.parallel import together
from stageline.storage.probe import ensure_format
from stageline.storage.segment import SegmentHead, Stretch, decode_segment, encode_segment
from stageline.storage.wal import WalHead, decode_head, read_tail
from stageline.tracking.log_fold import LogFold

if TYPE_CHECKING:
    from _typeshed import StrPath

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore
    from stageline.tracking.said import Said

SEAL_FROM = 64 << 10
"""Bytes of single points; a finished log in the store that holds fewer stays as it is: one file less to write."""

SMALL_LOG = 16 << 10
"""Bytes; a log of no more, that lies in the store and says how its run ended, is read as quickly as a sum of it."""

SEGMENT_BYTES = 16 << 20
"""Of the log that go into one segment at most, so that neither a writer nor a reader has to hold much."""

Claim = Callable[[str, bytes], bool]
"""Creates a key, once: whether it now holds these bytes."""

ResolveExperiment = Callable[[str], str]
"""Name to id; makes the experiment if need be."""


class LogStream(LogFold):
    """The log at `path`, shipped as it grows. Safe from many threads."""

    def __init__(
        self,
        store: ObjectStore,
        path: StrPath,
        head: WalHead,
        *,
        lies_in_store: bool,
        resolve: ResolveExperiment,
        clock: Clock,
        claim: Claim | None = None,
        said: Said | None = None,
    ) -> None:
        super().__init__(path, head, said)
        self.store = store
        self.lies_in_store = lies_in_store
        self._resolve = resolve
        self._clock = clock
        self._claim: Claim = claim or partial(commit, store, clock=clock)
        self._shipped_to = 0
        self._published_to = 0
        self._segments = 0
        self._series: dict[str, list[int]] = {}
        self._first_record: bytes | None = None
        self._is_start_shipped = not head.claims_id

    def begin_in_store(self) -> None:
        """Claim the run's id, and say that it lives: for a log in the store, as long as no thread but this knows it."""
        assert isinstance(self.store, LocalStore)
        if not (self._claim_id() and self._show_claim(self.store)):
            self._put_live()

    def _show_claim(self, store: LocalStore) -> bool:
        """Let the index say what the claim says, by another name of the same file; False if that can not be."""
        if self.summary.experiment_id is None:
            return False
        live = layout.inbox_live(self.summary.experiment_id, self.head.run_id, self.head.writer)
        return store.alias(layout.run_start(self.head.run_id), live)

    @property
    def unshipped_bytes(self) -> int:
        """Bytes in the log that no segment holds."""
        with self.lock:
            try:
                return 0 if self.is_finished else os.stat(self.path).st_size - self._shipped_to
            except FileNotFoundError as error:
                raise self._lost() from error

    # -- into the store ---------------------------------------------------------------------------

    def ship_start(self) -> None:
        """Claim the run's id, if this writer began the run and has not done so."""
        with self.lock:
            self.catch_up()
            self._claim_id()

    def _claim_id(self) -> bool:
        """Whether this call did it, and no other writer was first."""
        if self._start is None or self._is_start_shipped:
            return False
        ensure_format(self.store, self._clock)
        start = self._resolved(self._start)
        document = RunStart(
            writer=self.head.writer,
            run_id=start.run_id,
            experiment_id=start.experiment_id or "",
            start_time=start.start_time,
            stamp=start.stamp,
            tags=start.tags,
        )
        key = layout.run_start(self.head.run_id)
        is_first = self._claim(key, msgspec.json.encode(document))
        if not is_first:
            # Another writer of this run was first: what we know of its beginning travels with our records.
            self._first_record = encode_event(start)
        self._is_start_shipped = True
        return is_first

    def _resolved(self, start: Started) -> Started:
        if start.experiment_id is None:
            start = msgspec.structs.replace(
                start, experiment_id=self._resolve(start.experiment_name or "")
            )
            self.summary.apply(start, self.head.attempt)
            self._start = start
        return start

    def ship(self) -> None:
        """Put everything logged so far into the store. What fails stays in the log and is sent the next time."""
        with self.lock:
            if self.is_finished:
                return
            self.ship_start()
            while self._ship_stretch():
                pass

    def _ship_stretch(self) -> bool:
        """Ship what comes next in the log; False if nothing does."""
        stretch, end = self._next_stretch()
        if not stretch:
            self._shipped_to = end
            return False
        number = self._segments + 1
        head = SegmentHead(
            run_id=self.head.run_id,
            writer=self.head.writer,
            attempt=self.head.attempt,
            number=number,
            start=self._shipped_to,
            end=end,
        )
        key = layout.run_segment(self.head.run_id, self.head.writer, number)
        if commit(self.store, key, encode_segment(head, stretch), clock=self._clock):
            self._first_record = None
            self._note_segment(head, stretch.columns)
        else:
            self._go_on_after(key)
        return True

    def _next_stretch(self) -> tuple[Stretch, int]:
        data = read_tail(self.path, self._shipped_to, SEGMENT_BYTES)
        frames = scan_frames(data)
        if not frames.payloads and len(data) == SEGMENT_BYTES:  # one record is longer than that
            frames = scan_frames(read_tail(self.path, self._shipped_to, SEGMENT_BYTES + MAX_RECORD))
        stretch = Stretch()
        if self._first_record is not None:
            stretch.records.append(self._first_record)
        for payload in frames.payloads[1 if self._shipped_to == 0 else 0 :]:
            event = decode_event(payload)
            if not isinstance(event, Started):
                stretch.take(payload, event)
        return stretch, self._shipped_to + frames.end

    def _note_segment(self, head: SegmentHead, metrics: Iterable[str]) -> None:
        for metric in metrics:
            self._series.setdefault(metric, []).append(head.number)
        self._segments = head.number
        self._shipped_to = head.end

    @property
    def spooled_files(self) -> Path:
        """Folder of artifacts that wait for a store that is away."""
        return Path(self.path).with_suffix(".files")

    def ship_files(self, append: Callable[[bytes], None]) -> None:
        """Send the artifacts that wait, and `append` to the log that they lie in the store."""
        if self.spooled_files.is_dir():
            # Late: a run that never lost its store has no use for it.
            from stageline.tracking.artifacts import ship_spooled

            def note(files: Mapping[str, tuple[str, int] | None]) -> None:
                append(encode_event(ArtifactsStored(self._clock.stamp(), dict(files))))

            ship_spooled(self.store, self.head.run_id, self.spooled_files, note)

    def resume_shipping(self) -> None:
        """Find out what of this log is in the store already: for a log that another process began to ship."""
        with self.lock:
            self.catch_up()
            prefix = f"{layout.run_log(self.head.run_id)}{self.head.writer}-"
            for entry in self.store.list(layout.run_log(self.head.run_id)):
                if entry.key.startswith(prefix):
                    self._go_on_after(entry.key)

    def _go_on_after(self, key: str) -> None:
        """A segment of ours is in the store that we did not know of: an answer was lost, or a process died."""
        found = decode_segment(self.store.read(key), key)
        if found.head.writer != self.head.writer or found.head.end < self._shipped_to:
            raise StorageFailed(f"{key} holds another writer's records; nothing was overwritten")
        self._note_segment(found.head, found.columns)

    # -- into the index ---------------------------------------------------------------------------

    def publish_news(self) -> None:
        """Say how the run stands if something was logged since that was last said."""
        with self.lock:
            self.catch_up()
            if self._read_to != self._published_to:
                self.publish_live()

    def publish_live(self) -> None:
        """Say how the run stands; also its sign of life."""
        with self.lock:
            self.catch_up()
            self._put_live()

    def _put_live(self) -> None:
        if self.summary.experiment_id is not None and not self.is_finished:
            key = layout.inbox_live(self.summary.experiment_id, self.head.run_id, self.head.writer)
            self.store.replace(key, encode_summary(self.summary))
            self._published_to = self._read_to

    def finish(self, *, sums_up: bool = True) -> None:
        """Put the rest into the store, say the last word of this writer, and drop the log if segments hold it.

        Args:
            sums_up: False: a small log whose writer has ended its run may stand for itself; nothing sums it up.
        """
        with self.lock:
            self.catch_up()
            moves = not self.lies_in_store or self.row_bytes >= SEAL_FROM
            if moves:
                self.ship()
            is_told = not sums_up and not moves and self._ends_itself()
            if not (is_told and self._show_log()):
                self._publish_end(with_sum=not is_told)
            self.is_finished = True
            if moves:
                Path(self.path).unlink(missing_ok=True)

    def _ends_itself(self) -> bool:
        return self.head.owns_end and not self.summary.is_running and self._read_to <= SMALL_LOG

    def _show_log(self) -> bool:
        """Let the index read the log itself, by another name of the same file; False if that can not be."""
        assert isinstance(self.store, LocalStore)
        run_id, writer = self.head.run_id, self.head.writer
        if self._start is None or self._start.experiment_id is None:
            return False
        final = layout.inbox_final(self._start.experiment_id, run_id, writer)
        return self.store.alias(layout.run_wal(run_id, writer), final)

    def _publish_end(self, *, with_sum: bool) -> None:
        """Say for the last time what this writer knows: to the run, unless its log is enough, and to the index."""
        experiment_id = self.summary.experiment_id
        if experiment_id is None:
            raise Corrupt(
                f"the log {self.path} has lost its first record, which says to which experiment run "
                f"{self.head.run_id} belongs. What else it holds is in the store; move the file away"
            )
        inbox = layout.inbox_final(experiment_id, self.head.run_id, self.head.writer)
        puts = [(inbox, encode_summary(self.summary))]
        if with_sum:
            end = RunEnd(
                writer=self.head.writer,
                segments=self._segments,
                series=self._series,
                attempt=self.head.attempt,
                has_output=self.has_output,
                summary=self.summary,
                files=self.files,
            )
            body = encode_json(end, self.summary.metrics)
            puts.insert(0, (layout.run_end(self.head.run_id, self.head.writer), body))
        if self.lies_in_store:
            for put in puts:
                self.store.replace(*put)
        else:
            together(lambda put: self.store.replace(*put), puts, width=2)


def open_stream(
    store: ObjectStore,
    path: StrPath,
    *,
    lies_in_store: bool,
    resolve: ResolveExperiment,
    clock: Clock,
) -> LogStream:
    """A stream over a log that some process left at `path`. Raises `Corrupt` if it has no sound head."""
    frames = scan_frames(read_tail(path, 0))
    head = decode_head(frames.payloads[0] if frames.payloads else b"", str(path))
    return LogStream(store, path, head, lies_in_store=lies_in_store, resolve=resolve, clock=clock)
