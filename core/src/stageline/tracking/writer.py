"""The handle of an open run: every `log_*` call of a user ends here, in one append to the run's log."""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stageline.clock import Clock
from stageline.domain import events as ev
from stageline.domain import names
from stageline.domain.ids import new_writer_id
from stageline.domain.run import Attempt, DatasetInput, MetricPoint, RunStatus
from stageline.errors import Conflict
from stageline.storage import layout
from stageline.storage.series import Series, encode_columns
from stageline.storage.wal import WalHead, WriteAheadLog, create_wal
from stageline.tracking.stream import LogStream, ResolveExperiment
from stageline.tracking.texts import check_input, fitting_tag_text, param_text

if TYPE_CHECKING:
    from pathlib import Path

    from stageline.storage.port import ObjectStore

COLUMNS_FROM = 64
"""A batch of at least so many points is logged as columns; below, rows are smaller and quicker."""

HOST = socket.gethostname()

_encode = ev.encode_event


class RunWriter:
    """Writes one stream of one run. Safe from many threads; after a fork the child gets a stream of its own."""

    def __init__(
        self,
        store: ObjectStore,
        folder: Path,
        clock: Clock,
        resolve: ResolveExperiment,
        started: ev.Started,
        *,
        attempt: int = 1,
        owns_end: bool = True,
        claims_id: bool = True,
        params: Mapping[str, str] | None = None,
        sync_each: bool = False,
        lies_in_store: bool,
    ) -> None:
        self.run_id = started.run_id
        self.owns_end = owns_end
        self.attempt = attempt
        self.started = started
        self.on_fork: Callable[[RunWriter], None] = lambda _: None
        """Called in a forked child when it first logs."""
        self._store = store
        self._folder = folder
        self._clock = clock
        self._resolve = resolve
        self._sync_each = sync_each
        self._lies_in_store = lies_in_store
        self._params: dict[str, str] = dict(params or {})
        self._params_lock = threading.Lock()
        self._metric_keys: set[str] = set()
        self.is_open = True
        self._open_log(claims_id=claims_id)
        _WRITERS.add(self)

    def _open_log(self, *, claims_id: bool) -> None:
        head = WalHead(
            store=self._store.url,
            run_id=self.run_id,
            writer=new_writer_id(),
            attempt=self.attempt,
            owns_end=self.owns_end,
            claims_id=claims_id,
            pid=os.getpid(),
            host=HOST,
        )
        name = layout.run_wal(self.run_id, head.writer).rpartition("/")[2]
        path = self._folder / (name if self._lies_in_store else f"{self.run_id}-{name}")
        self._log: WriteAheadLog = create_wal(path, head, sync_each=self._sync_each)
        self._append = self._log.append
        self._append(_encode(self.started))
        self.stream = LogStream(
            self._store, path, head, lies_in_store=self._lies_in_store, resolve=self._resolve
        )

    # -- what a user logs -------------------------------------------------------------------------

    def log_metric(self, key: str, value: float, step: int = 0, timestamp: int | None = None) -> None:
        """Log one point. On disk when this returns.

        Args:
            key: Name of the metric.
            value: Any number; NaN and infinities are kept.
            step: Where in the training, any 64-bit integer.
            timestamp: Unix time in milliseconds; now if not given.

        Raises:
            InvalidInput: the key or a value breaks a rule; nothing is logged.
            StorageFailed: the disk did not take the record.
        """
        if type(value) is not float or type(step) is not int or timestamp is not None:
            value = names.check_metric_value(value)
            step = names.check_step(step)
            timestamp = None if timestamp is None else names.check_timestamp(timestamp)
        if key not in self._metric_keys:
            self._metric_keys.add(names.check_key("metric", key))
        if not -(1 << 63) <= step < 1 << 63:
            names.check_step(step)
        self._append(_encode((2, key, value, step, time.time_ns() // 1_000_000 if timestamp is None else timestamp)))

    def log_points(self, points: Iterable[MetricPoint]) -> None:
        """Log many points, all or none."""
        checked = [self._checked_point(point) for point in points]
        if len(checked) < COLUMNS_FROM:
            for point in checked:
                self._append(_encode((2, *point)))
            return
        columns: dict[str, Series] = {}
        for key, value, step, timestamp in checked:
            series = columns.get(key)
            if series is None:
                series = columns[key] = Series()
            series.append(step, timestamp, value)
        self._append(_encode(ev.PointsLogged(encode_columns(columns))))

    def _checked_point(self, point: MetricPoint) -> MetricPoint:
        key, value, step, timestamp = point
        if key not in self._metric_keys:
            self._metric_keys.add(names.check_key("metric", key))
        if type(value) is float and type(step) is int and type(timestamp) is int and 0 <= timestamp and -(1 << 62) < step < 1 << 62:
            return point
        return MetricPoint(
            key, names.check_metric_value(value), names.check_step(step), names.check_timestamp(timestamp)
        )

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params, all or none. A param keeps its first value: the same again is fine.

        Raises:
            Conflict: a param was logged before with another value.
            InvalidInput: a key or value breaks a rule.
        """
        given = {names.check_key("param", key): param_text(key, value) for key, value in params.items()}
        with self._params_lock:
            for key, value in given.items():
                known = self._params.get(key, value)
                if known != value:
                    raise Conflict(
                        f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                        f"value='{known}' for run ID='{self.run_id}'. Attempted logging new value '{value}'. "
                        "Log it under another key, or as a tag, which may change"
                    )
            new = {key: value for key, value in given.items() if key not in self._params}
            if new:
                self._append(_encode(ev.ParamsLogged(self._clock.stamp(), new)))
                self._params.update(new)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, all or none; the last value stays."""
        given: dict[str, str | None] = {
            names.check_key("tag", key): fitting_tag_text(key, value) for key, value in tags.items()
        }
        if given:
            self._append(_encode(ev.TagsSet(self._clock.stamp(), given)))

    def delete_tag(self, key: str) -> None:
        """Remove a tag."""
        self._append(_encode(ev.TagsSet(self._clock.stamp(), {names.check_key("tag", key): None})))

    def log_inputs(self, inputs: Iterable[DatasetInput]) -> None:
        """Say which data the run reads."""
        checked = list(inputs)
        names.check_batch(datasets=len(checked))
        for given in checked:
            check_input(given)
        if checked:
            self._append(_encode(ev.InputsLogged(self._clock.stamp(), checked)))

    def note_files(self, files: Mapping[str, tuple[str, int] | None]) -> None:
        """Put files that are now stored into the manifest: path -> (sha256, size), or None for one that is gone."""
        if files:
            self._append(_encode(ev.ArtifactsStored(self._clock.stamp(), dict(files))))

    def note_attempt(self, attempt: Attempt) -> None:
        """Say how an attempt stands."""
        self._append(_encode(ev.AttemptNoted(self._clock.stamp(), attempt)))

    def write_output(self, stream: str, text: str) -> None:
        """Keep text that the process printed on `stream` (`stdout` or `stderr`)."""
        self._append(_encode(ev.OutputWritten(self._clock.now_ms(), stream, text)))

    def set_status(self, status: RunStatus, reason: str | None = None, end_time: int | None = None) -> None:
        """Change the run's status; `end_time` in milliseconds, now if the status is terminal and none is given."""
        if status.is_terminal and end_time is None:
            end_time = self._clock.now_ms()
        self._append(_encode(ev.StatusSet(self._clock.stamp(), status, end_time, reason)))

    def append(self, payload: bytes) -> None:
        """Append an encoded record."""
        self._append(payload)

    def record(self, event: ev.Event) -> None:
        """Append any record."""
        self._append(_encode(event))

    # -- the end ----------------------------------------------------------------------------------

    def sync(self) -> None:
        """Ask the disk to keep what was logged, against a loss of power."""
        self._log.sync()

    def close(self) -> None:
        """Stop writing. What was logged stays in the log file until its stream has been shipped."""
        self.is_open = False
        self._log.close()
        self._append = self._log.append
        _WRITERS.discard(self)

    # -- fork -------------------------------------------------------------------------------------

    def forget_parent(self) -> None:
        """In a forked child: let go of the parent's log; the next record opens one of our own."""
        self._log.close()
        self._params_lock = threading.Lock()  # another thread of the parent may have held the old one
        self.owns_end = False
        self._append = self._append_after_fork

    def _append_after_fork(self, payload: bytes) -> None:
        self._open_log(claims_id=False)
        self.on_fork(self)
        self._append(payload)


_WRITERS: weakref.WeakSet[RunWriter] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in list(_WRITERS):
        if writer.is_open:
            writer.forget_parent()


os.register_at_fork(after_in_child=_after_fork)
