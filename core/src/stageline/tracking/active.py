"""An open run: the handle that `start_run` returns, with its log, its heartbeat and its end."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.domain.run import (
    Attempt,
    DatasetInput,
    MetricPoint,
    Point,
    Run,
    RunData,
    RunInfo,
    RunStatus,
)
from stageline.domain.summary import RunSummary, merge
from stageline.errors import StagelineError, StorageFailed
from stageline.storage import layout
from stageline.storage.local import LocalStore
from stageline.tracking.fate import ending_of
from stageline.tracking.pulse import PULSE, Beat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from stageline.domain.artifact import StoredFile
    from stageline.domain.events import PointLogged
    from stageline.settings import Settings
    from stageline.tracking.reading import StoredRun
    from stageline.tracking.stream import LogStream
    from stageline.tracking.writer import RunWriter

_log = logging.getLogger("stageline")


class ActiveRun:
    """A run that this process writes. Use it in a `with` block, or call `end`. Safe from many threads.

    Leaving the block ends the run: FINISHED, FAILED on an exception, KILLED on KeyboardInterrupt.
    """

    def __init__(
        self,
        writer: RunWriter,
        settings: Settings,
        artifact_uri: str,
        warn_once: Callable[[StagelineError], None],
        on_end: Callable[[ActiveRun], None],
    ) -> None:
        self.run_id = writer.run_id
        self.attempt = writer.attempt
        self.pid = os.getpid()
        """The process that opened the run; a forked child has another."""
        self._writer = writer
        self._settings = settings
        self._artifact_uri = artifact_uri
        self._warn_once = warn_once
        self._on_end = on_end
        self._known = RunSummary(writer.run_id)
        self._found_files: dict[str, StoredFile] = {}
        self.is_ended = False
        """Whether nothing more can be logged through this handle."""
        self.before_end: list[Callable[[], None]] = []
        """Called, in the order of the list, when the run is about to end: what still has something to log."""
        writer.on_fork = lambda _: self._go_on_in_child()
        self._beat()

        self.log_metric = writer.log_metric
        self.log_points = writer.log_points
        self.log_params = writer.log_params
        self.learn_params = writer.learn_params
        self.set_tags = writer.set_tags
        self.delete_tag = writer.delete_tag
        self.log_inputs = writer.log_inputs
        self.note_files = writer.note_files
        self.note_attempt = writer.note_attempt
        self.write_output = writer.write_output
        self.record = writer.record

    def _beat(self) -> None:
        PULSE.add(Beat(self._writer.stream, self._settings, self._warn_once))

    def _go_on_in_child(self) -> None:
        """After a fork, at the first record: this process ships its own records, and says so when it goes."""
        self._beat()
        workers = sys.modules.get("multiprocessing.util")
        if (
            workers is not None
        ):  # its children leave by os._exit, and call nobody but those who asked here
            workers.Finalize(self, self.leave, exitpriority=0)

    # -- how it stands ----------------------------------------------------------------------------

    @property
    def stream(self) -> LogStream:
        """This process's records on their way into the store."""
        return self._writer.stream

    @property
    def experiment_id(self) -> str:
        """The experiment; empty while only its name is known, because the store was away at the start."""
        return self.stream.summary.experiment_id or self._writer.started.experiment_id or ""

    def snapshot(self) -> Run:
        """The run as this process knows it, without asking the store."""
        if not self.is_ended:
            self.stream.catch_up()
        return merge(self._known, self.stream.summary).to_run(self._artifact_uri)

    def known_files(self) -> dict[str, StoredFile]:
        """The run's files as far as this process knows: those it logged, and those it found on resuming the run."""
        self.stream.catch_up()
        return {**self._found_files, **self.stream.files}

    def remember(self, found: StoredRun) -> None:
        """Take in what others wrote, as read from the store when the run was resumed."""
        self._known = found.summary
        self._found_files = found.files

    @property
    def info(self) -> RunInfo:
        """Id, name, experiment, status, times."""
        return self.snapshot().info

    @property
    def data(self) -> RunData:
        """Last metric values, params and tags, as this process knows them."""
        return self.snapshot().data

    # -- logging ----------------------------------------------------------------------------------

    def log_metrics(
        self, metrics: Mapping[str, float], step: int = 0, timestamp: int | None = None
    ) -> None:
        """Log one point of each of several metrics, all or none; `timestamp` in milliseconds, now if not given."""
        self._writer.log_points(_points(metrics, step, timestamp))

    def last_points(self, metrics: Mapping[str, float]) -> list[PointLogged]:
        """Points to hand to `end`, which saves the write that they would take. Raises `InvalidInput`."""
        return self._writer.rows_of(_points(metrics, 0, None))

    def log_batch(
        self,
        metrics: Iterable[Point] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Log many things by one call. Params are checked first: a conflict logs nothing."""
        if params:
            self._writer.log_params(params)
        self._writer.log_points(metrics)
        if tags:
            self._writer.set_tags(tags)

    def log_param(self, key: str, value: Any) -> None:
        """Log one param; see `log_params`."""
        self._writer.log_params({key: value})

    def set_tag(self, key: str, value: Any) -> None:
        """Set one tag."""
        self._writer.set_tags({key: value})

    def log_input(self, given: DatasetInput) -> None:
        """Say that the run reads a dataset."""
        self._writer.log_inputs([given])

    def flush(self) -> None:
        """Put what was logged into the store now. Raises `StorageFailed`; nothing is lost by that."""
        if not self.stream.lies_in_store:
            self.stream.ship_files(self._writer.append)
            self.stream.ship()
        self.stream.publish_live()

    # -- the end ----------------------------------------------------------------------------------

    def end(
        self,
        status: RunStatus | str = RunStatus.FINISHED,
        reason: str | None = None,
        attempt: Attempt | None = None,
        points: Sequence[PointLogged] = (),
    ) -> None:
        """End the run, and wait until the store has it all. A second call does nothing.

        Args:
            status: How it ended.
            reason: Why, if it did not finish.
            attempt: How its last attempt ended.
            points: The last ones, from `last_points`: logged by the same write.

        One of several writers that does not own the end (a rank above 0, a forked child) only takes its leave. If
        the store is away, a warning says so and `stageline sync` sends the rest later.
        """
        if not self._writer.owns_end:
            for point in points:
                self._writer.record(point)
            self.leave(attempt)
            return
        self._close(
            lambda: self._writer.set_status(
                RunStatus(status), reason, attempt=attempt, points=points
            )
        )

    def leave(self, attempt: Attempt | None = None, *, waits: bool = False) -> None:
        """Stop writing without ending the run: for one of several writers, or an attempt that will be followed.

        Args:
            attempt: How the attempt ended, if it did.
            waits: Whether nobody writes until it goes on: then it is SCHEDULED, and not taken for vanished.
        """

        def last_words() -> None:
            if attempt is not None:
                self._writer.note_attempt(attempt)
            if waits:
                self._writer.set_status(RunStatus.SCHEDULED)

        self._close(last_words)

    def abandon(self) -> None:
        """Give up a run whose id turned out to be another's: nothing of it stays."""
        self.is_ended = True
        PULSE.remove(self.stream)
        Path(self.stream.path).unlink(missing_ok=True)
        self.stream.store.delete(
            layout.inbox_live(self.experiment_id, self.run_id, self.stream.head.writer)
        )
        self._writer.close()
        self._on_end(self)

    def _close(self, last_words: Callable[[], None]) -> None:
        if self.is_ended:
            return
        if self._writer.is_inherited:
            self.is_ended = True
            return
        calls, self.before_end = self.before_end, []
        for call in calls:
            call()
        self.is_ended = True
        stream = self.stream
        PULSE.remove(stream)
        try:
            last_words()
            if stream.lies_in_store:
                self._finish_locally(stream)
            else:
                self._finish_remotely(stream)
        finally:
            self._writer.close()
            self._on_end(self)

    def _finish_locally(self, stream: LogStream) -> None:
        stream.finish(sums_up=False)
        assert isinstance(stream.store, LocalStore)
        # Beside it lies what `finish` has just put there.
        stream.store.unlink(layout.inbox_live(self.experiment_id, self.run_id, stream.head.writer))

    def _finish_remotely(self, stream: LogStream) -> None:
        deadline = time.monotonic() + self._settings.end_timeout_s
        pause = 0.1
        while True:
            try:
                stream.ship_files(self._writer.append)
                stream.finish()
            except StorageFailed as error:
                if time.monotonic() + pause > deadline:
                    _log.warning(
                        "run %s has ended, but the store %s did not take all of it (%s). It is kept in %s: "
                        "run `stageline sync` when the store is back",
                        self.run_id, stream.store.url, error, stream.path,
                    )  # fmt: skip
                    return
                self._warn_once(error)
                time.sleep(pause)
                pause = min(2 * pause, 5.0)
            else:
                return

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(*ending_of(error))


def _points(metrics: Mapping[str, float], step: int, timestamp: int | None) -> list[MetricPoint]:
    at = time.time_ns() // 1_000_000 if timestamp is None else timestamp
    return [MetricPoint(key, value, step, at) for key, value in metrics.items()]
