"""One writer's log, read as it grows: what its records add up to, which files they name, how many points there are."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from stageline.domain.artifact import StoredFile, fold_files
from stageline.domain.events import (
    AnyEvent,
    ArtifactsStored,
    OutputWritten,
    PointLogged,
    PointsLogged,
    Started,
    decode_event,
)
from stageline.domain.summary import LastPoint, RunSummary
from stageline.errors import StorageFailed
from stageline.storage.frames import scan_frames
from stageline.storage.series import Series, decode_columns
from stageline.storage.wal import read_tail
from stageline.tracking.said import Said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import StrPath

    from stageline.storage.wal import WalHead


class LogLost(StorageFailed):
    """The log was taken away from under its writer."""


class LogFold:
    """What the log at `path` says, as far as it was read. Safe from many threads."""

    def __init__(self, path: StrPath, head: WalHead, said: Said | None = None) -> None:
        self.path = os.fspath(path)
        self.head = head
        self.summary = RunSummary(head.run_id)
        self.files: dict[str, StoredFile] = {}
        self.has_output = False
        self.is_finished = False
        """Whether the writer has said its last word; the log may be gone, and a late heartbeat says nothing."""
        self.row_bytes = 0
        """Bytes of single points in the log: three times what they take as columns."""
        self.lock = threading.RLock()
        self._said = said or Said()
        self._read_to = 0
        self._start: Started | None = None

    def begin(self, records: Iterable[AnyEvent], size: int) -> None:
        """Take in the records of a log of `size` bytes that no thread but this knows of: it need not be read."""
        for record in records:
            self._take(record)
        self._read_to = size

    def catch_up(self) -> None:
        """Take in what has been appended since the last time."""
        with self.lock:
            if self.is_finished:
                return
            news: Iterable[tuple[AnyEvent, int]] | None
            try:
                size, news = self._said.take(self.path, self._read_to)
            except FileNotFoundError as error:
                raise self._lost() from error
            if news is None:
                size, news = self._read(size)
            rows: dict[str, Series] = {}
            for event, length in news:
                if type(event) is PointLogged:
                    series = rows.get(event.key)
                    if series is None:
                        series = rows[event.key] = Series()
                    series.append(event.step, event.timestamp, event.value)
                    self.row_bytes += length
                else:
                    self._take(event)
            for key, series in rows.items():
                self.summary.take_point(key, LastPoint(self.head.attempt, *series.last()))
            self._read_to = size

    def _read(self, size: int) -> tuple[int, Iterable[tuple[AnyEvent, int]]]:
        """How far the log is sound up to `size`, and what it holds from where it was last read to, with bytes."""
        frames = scan_frames(read_tail(self.path, self._read_to, size - self._read_to))
        payloads = frames.payloads[1 if self._read_to == 0 else 0 :]
        return self._read_to + frames.end, ((decode_event(each), len(each)) for each in payloads)

    def _take(self, event: AnyEvent) -> None:
        match event:
            case Started():
                self._start = event
            case ArtifactsStored():
                fold_files(self.files, event)
            case OutputWritten():
                self.has_output = True
            case PointsLogged() if not event.last:  # of the first logs ever written
                for key, series in decode_columns(event.columns).items():
                    if series:
                        self.summary.take_point(key, LastPoint(self.head.attempt, *series.last()))
            case _:
                pass
        self.summary.apply(event, self.head.attempt)

    def _lost(self) -> LogLost:
        return LogLost(
            f"the log of run {self.head.run_id} at {self.path} is gone: somebody removed it while the run was open. "
            "What is logged from now on is lost; end the run and begin another"
        )
