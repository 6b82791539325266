"""A run out of the store: one listing, then only the objects that nothing else sums up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.artifact import RunEnd, StoredFile, fold_files, keep_file
from stageline.domain.document import decode_document
from stageline.domain.events import ArtifactsStored, OutputWritten, Started
from stageline.domain.run_start import START_FORMAT, RunStart
from stageline.domain.summary import LastPoint, RunSummary, merge
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.frames import scan_frames
from stageline.storage.parallel import together
from stageline.storage.probe import read_format
from stageline.storage.series import Series
from stageline.storage.wal import decode_head, read_tail
from stageline.tracking.log_objects import end_of, is_stretch, log_as_segment, segment_of, writer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from stageline.domain.run import MetricPoint
    from stageline.storage.port import Entry, ObjectStore
    from stageline.storage.segment import Segment


class StoredRun(NamedTuple):
    """What the store holds of a run."""

    summary: RunSummary
    files: dict[str, StoredFile]
    ends: dict[str, RunEnd]
    """By writer."""
    entries: list[Entry]
    """The listing of the run's log."""
    loose: dict[str, Segment]
    """By key: segments and write-ahead logs that no end sums up."""
    hosts: dict[str, str]
    """By writer: where the open write-ahead logs among them are written."""

    @property
    def last_write(self) -> float:
        """Unix time in seconds, by the store's clock, of the newest object of the log."""
        return max((entry.modified for entry in self.entries), default=0.0)


class RunReader:
    """Reads runs from `store`, and what processes of this machine have in `spool` on its way there.

    Holds no state, so any number may read at once.
    """

    def __init__(self, store: ObjectStore, spool: Path | None = None) -> None:
        self._store = store
        self._spool = spool

    def find(self, run_id: str) -> StoredRun | None:
        """The run, or None if nothing has claimed the id."""
        read_format(self._store)
        waiting = self._waiting(run_id)  # first: what is shipped meanwhile is in the listing
        entries = self._store.list(layout.run_log(run_id))
        if not entries and not waiting:
            return None
        ends = self._ends(entries)
        summary = RunSummary(run_id)
        files: dict[str, StoredFile] = {}
        for end in ends.values():
            summary = merge(summary, end.summary)
            for path, file in end.files.items():
                keep_file(files, path, file)
        hosts: dict[str, str] = {}
        loose = self._segments([e.key for e in entries if _is_loose(e.key, ends)], hosts)
        for segment in _unshipped(waiting, loose, ends):
            loose[f"{segment.head.writer}.wal"] = segment
        for segment in loose.values():
            _fold(segment, summary, files)
        if summary.started is None or summary.experiment_id is None:
            self._take_start(run_id, summary)
        return StoredRun(summary, files, ends, entries, loose, hosts)

    def get(self, run_id: str) -> StoredRun:
        """The run. Raises `NotFound`."""
        found = self.find(run_id)
        if found is None:
            raise NotFound(
                f"Run with id={run_id} not found in {self._store.url}: `stageline runs list` shows what is there"
            )
        return found

    def claim(self, run_id: str) -> StoredRun:
        """The run as its claim alone tells it. Raises `NotFound`, `Corrupt`."""
        summary = RunSummary(run_id)
        self._take_start(run_id, summary)
        return StoredRun(summary, {}, {}, [], {}, {})

    def start_writer(self, run_id: str) -> str:
        """The writer that claimed the run's id; empty if its claim is. Raises `NotFound`."""
        key = layout.run_start(run_id)
        data = self._store.read(key)
        return decode_document(data, RunStart, START_FORMAT, key)[0].writer if data else ""

    def series(self, run: StoredRun, key: str) -> list[MetricPoint]:
        """All points of one metric, by attempt, step and time of logging."""
        points = [
            (segment.head.attempt, point)
            for segment in self._holding(run, key)
            if key in segment.columns
            for point in segment.columns[key].points(key)
        ]
        points.sort(key=lambda pair: (pair[0], pair[1].step, pair[1].timestamp))
        return [point for _, point in points]

    def attempt_series(self, run: StoredRun, key: str) -> dict[int, list[MetricPoint]]:
        """The same, apart by attempt."""
        apart: dict[int, list[MetricPoint]] = {}
        for segment in self._holding(run, key):
            if key in segment.columns:
                apart.setdefault(segment.head.attempt, []).extend(segment.columns[key].points(key))
        for points in apart.values():
            points.sort(key=lambda point: (point.step, point.timestamp))
        return apart

    def columns(self, run: StoredRun, keys: Collection[str]) -> dict[str, dict[int, Series]]:
        """The points of metrics as columns, by attempt and in order of writing; a million of them take 24 MB.

        Segments are unpacked one at a time, so that what else they hold is never in memory together.
        """
        wanted = {
            layout.run_segment(run.summary.run_id, end.writer, number)
            for end in run.ends.values()
            for key in keys
            for number in end.series.get(key, ())
        }
        gathered: dict[str, dict[int, Series]] = {key: {} for key in keys}
        for segment in self._one_by_one(run, sorted(wanted)):
            for key in gathered.keys() & segment.columns.keys():
                kept = gathered[key].setdefault(segment.head.attempt, Series())
                kept.extend(segment.columns[key])
        return gathered

    def output(self, run: StoredRun) -> Iterator[OutputWritten]:
        """What the run printed, in the order of each writer's printing."""
        writers = {writer for writer, end in run.ends.items() if end.has_output}
        keys = [e.key for e in run.entries if writer_of(e.key) in writers and is_stretch(e.key)]
        segments = {**run.loose, **self._segments([key for key in keys if key not in run.loose])}
        lines = [e for s in segments.values() for e in s.events if isinstance(e, OutputWritten)]
        return iter(sorted(lines, key=lambda line: line.timestamp))

    def stretches(self, run: StoredRun) -> Iterator[Segment]:
        """All of the run's log, one stretch in memory at a time and each record once: segments, then what only a
        write-ahead log holds.
        """
        shipped: dict[str, int] = {}
        keys = [entry.key for entry in run.entries if is_stretch(entry.key)]
        for key in sorted(keys, key=lambda one: (one.endswith(".wal"), one)):
            data = self._store.read(key)
            if key.endswith(".wal"):
                yield log_as_segment(data, key, shipped.get(writer_of(key), 0))[0]
                continue
            segment = segment_of(data, key)
            shipped[segment.head.writer] = max(
                shipped.get(segment.head.writer, 0), segment.head.end
            )
            yield segment

    def _waiting(self, run_id: str) -> list[bytes]:
        """Logs of the run that have not been shipped whole."""
        if self._spool is None:
            return []
        logs = []
        for path in sorted(self._spool.glob(f"{run_id}-*.wal")):
            with suppress(FileNotFoundError):  # shipped between the listing and now
                logs.append(read_tail(path, 0))
        return logs

    def _holding(self, run: StoredRun, key: str) -> list[Segment]:
        wanted = [
            layout.run_segment(run.summary.run_id, end.writer, number)
            for end in run.ends.values()
            for number in end.series.get(key, ())
        ]
        logs = [e.key for e in run.entries if e.key.endswith(".wal") and e.key not in run.loose]
        fetched = self._segments([*wanted, *logs])
        return [*fetched.values(), *run.loose.values()]

    def _one_by_one(self, run: StoredRun, sealed: list[str]) -> Iterator[Segment]:
        logs = [e.key for e in run.entries if e.key.endswith(".wal") and e.key not in run.loose]
        if logs:  # how much of them is shipped, only all segments together tell
            yield from self._segments([*sealed, *logs]).values()
        else:
            for key, data in zip(sealed, self._fetch(sealed), strict=True):
                if data is not None:
                    yield segment_of(data, key)
        yield from run.loose.values()

    def _ends(self, entries: list[Entry]) -> dict[str, RunEnd]:
        keys = [entry.key for entry in entries if entry.key.endswith(".end.json")]
        fetched = zip(keys, self._fetch(keys), strict=True)
        # One that is listed and not there: the run is being collected.
        ends = (end_of(data, key) for key, data in fetched if data is not None)
        return {end.writer: end for end in ends}

    def _segments(self, keys: list[str], hosts: dict[str, str] | None = None) -> dict[str, Segment]:
        """Unpacked, without the part of a write-ahead log that segments hold already."""
        unpacked: dict[str, Segment] = {}
        shipped: dict[str, int] = {}
        for key, data in sorted(
            zip(keys, self._fetch(keys), strict=True), key=lambda pair: pair[0].endswith(".wal")
        ):
            if data is None:
                continue
            if key.endswith(".wal"):
                unpacked[key], host = log_as_segment(data, key, shipped.get(writer_of(key), 0))
                if hosts is not None:
                    hosts[writer_of(key)] = host
            else:
                segment = unpacked[key] = segment_of(data, key)
                shipped[segment.head.writer] = max(
                    shipped.get(segment.head.writer, 0), segment.head.end
                )
        return unpacked

    def _take_start(self, run_id: str, summary: RunSummary) -> None:
        # Asked for whether or not it was listed: a listing may lack it, and what is decided on this run needs it.
        key = layout.run_start(run_id)
        data = self._read(key)
        if (
            not data
        ):  # it is being written, or its writer was lost; the writers' own records say it too
            return
        start, _ = decode_document(data, RunStart, START_FORMAT, key)
        experiment = start.experiment_id or None
        summary.apply(Started(start.stamp, run_id, experiment, None, start.start_time, start.tags))

    def _fetch(self, keys: list[str]) -> list[bytes | None]:
        return together(self._read, keys)

    def _read(self, key: str) -> bytes | None:
        try:
            return self._store.read(key)
        except NotFound:  # a log that was sealed between the listing and now
            return None


def _fold(segment: Segment, summary: RunSummary, files: dict[str, StoredFile]) -> None:
    for event in segment.events:
        summary.apply(event, segment.head.attempt)
        if isinstance(event, ArtifactsStored):
            fold_files(files, event)
    for key, series in segment.columns.items():
        if not series:  # no writer of ours says nothing
            continue
        summary.take_point(key, LastPoint(segment.head.attempt, *series.last()))


def _unshipped(
    logs: list[bytes], loose: dict[str, Segment], ends: dict[str, RunEnd]
) -> Iterator[Segment]:
    """What of `logs` is in no segment."""
    shipped: dict[str, int] = {}
    for segment in loose.values():
        writer = segment.head.writer
        shipped[writer] = max(shipped.get(writer, 0), segment.head.end)
    for data in logs:
        frames = scan_frames(data)
        if not frames.payloads:  # its writer died before it had a head
            continue
        head = decode_head(frames.payloads[0], "a log that waits to be sent")
        if head.writer not in ends:
            yield log_as_segment(data, str(head.run_id), shipped.get(head.writer, 0))[0]


def _is_loose(key: str, ends: dict[str, RunEnd]) -> bool:
    if not is_stretch(key):
        return False
    end = ends.get(writer_of(key))
    if end is None:
        return True
    return key.endswith(".seg") and int(key[-12:-4]) > end.segments
