"""The handle of an open run: every `log_*` call of a user ends here, in one append to the run's log."""

from __future__ import annotations

import os
import socket
import threading
import weakref
from typing import TYPE_CHECKING, Any

from stageline.domain import events as ev
from stageline.domain import names
from stageline.domain.ids import new_writer_id
from stageline.errors import Conflict
from stageline.storage import layout
from stageline.storage.series import encode_columns
from stageline.storage.wal import PRIVATE, SHARED, WalHead, WriteAheadLog, create_wal
from stageline.tracking.points import checked_point, columns_of, point_logger
from stageline.tracking.said import Said
from stageline.tracking.stream import Claim, LogStream, ResolveExperiment
from stageline.tracking.texts import check_input, fitting_tags, param_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed import StrPath

    from stageline.clock import Clock
    from stageline.domain.run import Attempt, DatasetInput, Point, RunStatus
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
        folder: StrPath,
        clock: Clock,
        resolve: ResolveExperiment,
        started: ev.Started,
        *,
        attempt: int = 1,
        owns_end: bool = True,
        keeps_params: bool = True,
        claims_id: bool = True,
        params: Mapping[str, str] | None = None,
        told: Iterable[ev.AnyEvent] = (),
        sync_each: bool = False,
        lies_in_store: bool,
        claim: Claim | None = None,
    ) -> None:
        self.run_id = started.run_id
        self.owns_end = owns_end
        self.keeps_params = keeps_params
        """False: another writer logs the params of all, and this one's are passed over."""
        self.attempt = attempt
        self.started = started
        self.on_fork: Callable[[RunWriter], None] = _tell_nobody
        """Called in a forked child when it first logs."""
        self._store = store
        self._folder = folder
        self._clock = clock
        self._resolve = resolve
        self._lies_in_store = lies_in_store
        self._claim = claim
        self._params: dict[str, str] = dict(params or {})
        self._params_lock = threading.Lock()
        self._metric_keys: set[str] = set()
        self.is_open = True
        self.is_inherited = False
        """In a forked child that has logged nothing: all of this, its locks too, is as the parent's threads left it."""
        path, head = self._new_log(claims_id=claims_id)
        records = (started, *told)
        self._log: WriteAheadLog = create_wal(
            path,
            head,
            *map(_encode, records),
            sync_each=sync_each,
            mode=SHARED if lies_in_store else PRIVATE,
        )
        self._append = self._log.append
        self._said = Said()
        self.log_metric = point_logger(self._append, self._metric_keys)
        """Log one point; see `point_logger`."""
        self.stream = self._stream_of(path, head)
        self.stream.begin(records, self._log.begun_with)
        _WRITERS.add(self)

    def _new_log(self, *, claims_id: bool) -> tuple[str, WalHead]:
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
        if not self._lies_in_store:
            name = f"{self.run_id}-{name}"
        return os.path.join(self._folder, name), head

    def _stream_of(self, path: str, head: WalHead) -> LogStream:
        return LogStream(
            self._store,
            path,
            head,
            lies_in_store=self._lies_in_store,
            resolve=self._resolve,
            clock=self._clock,
            claim=self._claim,
            said=self._said,
        )

    # -- what a user logs -------------------------------------------------------------------------

    def log_points(self, points: Iterable[Point]) -> None:
        """Log many points, all or none. Raises as `log_metric`."""
        batch = list(points)
        if len(batch) >= COLUMNS_FROM:
            columns = columns_of(batch, self._metric_keys)
            last = {key: series.last() for key, series in columns.items()}
            self._append(_encode(ev.PointsLogged(encode_columns(columns), last)))
            return
        rows = self.rows_of(batch)
        if rows:
            self._said.say(self._append, *rows)

    def rows_of(self, points: Iterable[Point]) -> list[ev.PointLogged]:
        """Points as records, one for each, to be logged by the same write as something else. Raises as `log_metric`."""
        return [ev.PointLogged(*checked_point(point, self._metric_keys)) for point in points]

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params, all or none. A param keeps its first value: the same again is fine.

        Raises:
            Conflict: a param was logged before with another value.
            InvalidInput: a key or value breaks a rule.
        """
        given = checked_params(params)
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
            if new and self.keeps_params:
                self._said.say(self._append, ev.ParamsLogged(self._clock.stamp(), new))
                self._params.update(new)

    def learn_params(self, params: Mapping[str, str]) -> None:
        """Take in params that other writers of the run have logged: they hold for this one too."""
        with self._params_lock:
            self._params.update(params)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, all or none; the last value stays."""
        given: dict[str, str | None] = {**fitting_tags(tags)}
        if given:
            self._said.say(self._append, ev.TagsSet(self._clock.stamp(), given))

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
        self._said.say(self._append, self._noted(attempt))

    def _noted(self, attempt: Attempt) -> ev.AttemptNoted:
        return ev.AttemptNoted(self._clock.stamp(), attempt)

    def write_output(self, stream: str, text: str) -> None:
        """Keep text that the process printed on `stream` (`stdout` or `stderr`)."""
        self._append(_encode(ev.OutputWritten(self._clock.now_ms(), stream, text)))

    def set_status(
        self,
        status: RunStatus,
        reason: str | None = None,
        end_time: int | None = None,
        attempt: Attempt | None = None,
        points: Iterable[ev.PointLogged] = (),
    ) -> None:
        """Change the run's status, and say by the same write how an attempt stands, after the last points.

        `end_time` in milliseconds, now if the status is terminal and none is given.
        """
        if status.is_terminal and end_time is None:
            end_time = self._clock.now_ms()
        told: list[ev.AnyEvent] = [*points]
        if attempt is not None:
            told.append(self._noted(attempt))
        told.append(ev.StatusSet(self._clock.stamp(), status, end_time, reason))
        self._said.say(self._append, *told)

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
        self._log.end()
        self._append = self._log.append
        self.on_fork = _tell_nobody
        _WRITERS.discard(self)

    # -- fork -------------------------------------------------------------------------------------

    def forget_parent(self) -> None:
        """In a forked child: let go of the parent's log; the next record opens one of our own."""
        self.is_inherited = True
        self._log.close()
        self._log.on_detached = self._open_own_log
        self._params_lock = (
            threading.Lock()
        )  # another thread of the parent may have held the old one
        self._said = Said()
        self.owns_end = False

    def _open_own_log(self) -> None:
        path, head = self._new_log(claims_id=False)
        self._log.restart(path, head, _encode(self.started))
        self.is_inherited = False
        self.stream = self._stream_of(path, head)
        self.on_fork(self)


def checked_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Params as they are recorded. Raises `InvalidInput` if a key or a value breaks a rule."""
    return {names.check_key("param", key): param_text(key, value) for key, value in params.items()}


def _tell_nobody(_: RunWriter) -> None:
    pass


_WRITERS: weakref.WeakSet[RunWriter] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in list(_WRITERS):
        if writer.is_open:
            writer.forget_parent()


os.register_at_fork(after_in_child=_after_fork)
