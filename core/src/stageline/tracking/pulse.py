"""The heartbeat of a process's open runs: one daemon thread that ships what was logged and says that they live."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from stageline.errors import StagelineError
from stageline.storage.forking import importing
from stageline.tracking.log_fold import LogLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.settings import Settings
    from stageline.tracking.stream import LogStream

TICK_S = 1.0

_log = logging.getLogger("stageline")


class Beat:
    """What one open stream waits for."""

    def __init__(
        self, stream: LogStream, settings: Settings, warn_once: Callable[[StagelineError], None]
    ) -> None:
        self.stream = stream
        self._settings = settings
        self._warn_once = warn_once
        self._shipped_at = self._published_at = time.monotonic()
        self._is_begun = stream.lies_in_store
        self._began_at = self._shipped_at
        self._failures = 0

    def step(self) -> None:
        """Do what is due. A store that is away is a warning, once; the log keeps everything."""
        now = time.monotonic()
        if self._failures and now < self._shipped_at + min(
            2**self._failures, self._settings.heartbeat_s
        ):
            return
        try:
            self._step(now)
            self._failures = 0
        except LogLost:
            raise
        except StagelineError as error:
            self._failures += 1
            self._shipped_at = now
            self._warn_once(error)

    def _step(self, now: float) -> None:
        if not self._is_begun:
            _import_what_a_remote_store_needs()
            self.stream.ship_start()
            self.stream.publish_live()
            self._is_begun = True
        if not self.stream.lies_in_store and self._is_shipment_due(now):
            self.stream.ship()
            self._shipped_at = now
        if now - self._published_at >= self._settings.heartbeat_s:
            self.stream.publish_live()
            self._published_at = now

    def _is_shipment_due(self, now: float) -> bool:
        # A run of days needs no segment every ten seconds: the pause grows to six times the first, within an hour.
        growth = min(6.0, 1 + (now - self._began_at) / 720)
        if now - self._shipped_at >= self._settings.flush_s * growth:
            return True
        return self.stream.unshipped_bytes >= self._settings.flush_bytes


class Pulse:
    """Owns the thread; started by the first stream, and again in a forked child by its first."""

    def __init__(self) -> None:
        self._beats: dict[int, Beat] = {}
        self._pid = 0
        self._wake = threading.Event()
        self._lock = threading.RLock()

    def add(self, beat: Beat) -> None:
        """Care for a stream until `remove`."""
        if self._pid != os.getpid():  # a fork leaves the parent's thread behind
            self._lock = threading.RLock()
            self._wake = threading.Event()
            self._beats = {}
            self._pid = os.getpid()
            threading.Thread(
                target=self._run, args=(self._pid,), name="stageline-pulse", daemon=True
            ).start()
        with self._lock:
            self._beats[id(beat.stream)] = beat
        if not beat.stream.lies_in_store:  # its start has still to be sent; a local one can wait
            self._wake.set()

    def remove(self, stream: LogStream) -> None:
        """Stop caring for a stream."""
        with self._lock:
            self._beats.pop(id(stream), None)

    def _run(self, pid: int) -> None:
        wake = self._wake
        while self._pid == pid:
            wake.wait(TICK_S)
            wake.clear()
            with self._lock:
                beats = list(self._beats.values())
            for beat in beats:
                try:
                    beat.step()
                except LogLost as error:
                    _log.warning("%s", error)
                    self.remove(beat.stream)
                except (
                    Exception
                ):  # this thread serves every run of the process: a fault of one must not end it
                    _log.exception("run %s has no heartbeat any more", beat.stream.head.run_id)
                    self.remove(beat.stream)


def _import_what_a_remote_store_needs() -> None:
    """On this thread, and while no fork can come in between."""
    with importing():
        import stageline.storage.index
        import stageline.storage.settling
        import stageline.tracking.artifacts  # noqa: F401  # each is imported late where it is used


PULSE = Pulse()
