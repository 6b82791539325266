"""Runs whose process vanished: found by their logs and heartbeats, and ended as KILLED with the reason.

Two signs, the sure one first: on the host and disk where the log lies, nobody holds its lock; anywhere else,
nothing of the run has changed in the store for `stale_after_s`. What the process itself said stands above what is
concluded here: the conclusion has the stamp of what it said last of its status, and any later word of it outranks that.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.events import StatusSet, encode_event
from stageline.domain.run import RunStatus
from stageline.errors import Corrupt, NotAllowed, NotFound, Unauthorized
from stageline.storage import layout
from stageline.storage.keys import TEMPORARY
from stageline.storage.wal import WriteAheadLog, adopt_wal, is_written
from stageline.tracking.log_fold import LogLost
from stageline.tracking.stream import LogStream, ResolveExperiment, open_stream
from stageline.tracking.writer import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.clock import Clock
    from stageline.domain.summary import RunSummary
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.tracking.reading import StoredRun


_log = logging.getLogger("stageline")


class Recovered(NamedTuple):
    """A log that a dead process left, now in the store."""

    run_id: str
    writer: str
    reason: str | None
    """Why the run was ended as KILLED; None if it had ended, or is not this writer's to end."""


class Reaper:
    """Ends vanished runs and ships the logs of dead processes."""

    def __init__(
        self,
        store: ObjectStore,
        settings: Settings,
        clock: Clock,
        resolve: ResolveExperiment,
        append_to: Callable[[StoredRun, Any], object],
        spool: Path | None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._resolve = resolve
        self._append_to = append_to
        self._spool = spool

    def reap(self, stored: StoredRun) -> bool:
        """End the run if its process vanished; True if so. The caller reads it again."""
        if not stored.summary.is_running or stored.summary.is_waiting:
            return False
        logs = self._open_logs(stored)
        if logs:
            return self._reap_by_lock(logs)
        if not stored.entries or self._is_written_here(stored.summary.run_id):
            return False
        last_seen = self._last_seen(stored)
        silent_s = self._clock.now_ms() / 1000 - last_seen
        if silent_s < self._settings.stale_after_s:
            return False
        reason = f"no sign of life for {silent_s:.0f} s: the process vanished"
        try:
            self._append_to(stored, _killed(last_seen, reason, stored.summary))
        except Unauthorized:  # whoever may only read sees it as it is
            _log.debug(
                "run %s: %s, and whoever looks may not end it", stored.summary.run_id, reason
            )
            return False
        return True

    def recover(self, path: Path, *, lies_in_store: bool) -> Recovered | None:
        """Ship the log at `path` if the process that wrote it is gone; None if it lives or writes to another store."""
        log = adopt_wal(path)
        if log is None:
            return None
        try:
            stream = open_stream(
                self._store,
                path,
                lies_in_store=lies_in_store,
                resolve=self._resolve,
                clock=self._clock,
            )
            if not lies_in_store and stream.head.store != self._store.url:
                return None
            return self._finish(log, stream)
        finally:
            log.close()

    def sync(self) -> list[Recovered]:
        """Ship every log that a dead process of this machine left for this store."""
        if self._spool is None or not self._spool.is_dir():
            return []
        found = [self._recover_if_sound(path) for path in spooled_logs(self._spool)]
        return [recovered for recovered in found if recovered is not None]

    def _recover_if_sound(self, path: Path) -> Recovered | None:
        try:
            return self.recover(path, lies_in_store=False)
        except (Corrupt, NotAllowed) as error:  # it must not keep the others from being shipped
            _log.warning("%s can not be shipped and stays where it is: %s", path, error)
            return None
        except (LogLost, FileNotFoundError):  # shipped by another, on a disk that keeps no locks
            return None
        except (
            NotFound
        ) as error:  # its run was collected since it was listed: the next look will say
            _log.info("%s is not shipped for now: %s", path, error)
            return None

    def _finish(self, log: WriteAheadLog, stream: LogStream) -> Recovered:
        stream.resume_shipping()
        reason = None
        if stream.head.owns_end and stream.summary.is_running:
            reason = f"process {stream.head.pid} on {stream.head.host} is gone"
            last_seen = os.stat(stream.path).st_mtime
            log.append(encode_event(_killed(last_seen, reason, stream.summary)))
        if not stream.lies_in_store:
            stream.ship_files(log.append)
        stream.finish()
        return Recovered(stream.head.run_id, stream.head.writer, reason)

    def _open_logs(self, stored: StoredRun) -> list[Path]:
        """Logs on this disk, written on this host, that no end closes."""
        if self._spool is not None:
            return []
        paths = []
        for key, segment in stored.loose.items():
            if key.endswith(".wal") and stored.hosts.get(segment.head.writer) == HOST:
                paths.append(Path(self._store.path(key)))  # type: ignore[attr-defined]  # a local store
        return paths

    def _is_written_here(self, run_id: str) -> bool:
        """Whether a process of this machine that lives has a log on its way to the store."""
        if self._spool is None:
            return False
        return any(is_written(path) for path in self._spool.glob(f"{run_id}-*.wal"))

    def _reap_by_lock(self, logs: list[Path]) -> bool:
        if any(is_written(path) for path in logs):
            return False
        recovered = []
        for path in logs:
            try:
                recovered.append(self.recover(path, lies_in_store=True))
            except (
                Corrupt
            ):  # a log that died before its first record says nothing that could be lost
                continue
        return any(recovered)

    def _last_seen(self, stored: StoredRun) -> float:
        seen = stored.last_write
        experiment_id = stored.summary.experiment_id
        if (
            self._clock.now_ms() / 1000 - seen < self._settings.stale_after_s
            or experiment_id is None
        ):
            return seen
        prefix = f"{layout.index_inbox(experiment_id)}{stored.summary.run_id}-"
        inbox = self._store.list(layout.index_inbox(experiment_id))
        return max([seen, *(entry.modified for entry in inbox if entry.key.startswith(prefix))])


def spooled_logs(spool: Path) -> list[Path]:
    """The logs that lie in a spool folder; none that is still being made, which has no head yet, nor a lock."""
    return sorted(path for path in spool.glob("*.wal") if not path.name.startswith(TEMPORARY))


def _killed(at: float, reason: str, found: RunSummary) -> StatusSet:
    # Not stamped by our clock, nor by the store's: either may be ahead of the process's, which has the last word.
    began = found.started[1] if found.started else int(at * 1e9)
    said = found.status.stamp if found.status else began
    return StatusSet(said, RunStatus.KILLED, int(at * 1000), reason)
