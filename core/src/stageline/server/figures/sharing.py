"""Figures of all workers of one server: each writes its own to a file of a folder that they share, any reads all.

A scrape meets any worker. What it is told comes from the files alone, its own included, which is written first: so no
later scrape of another worker can find less. The file of a worker that died keeps what it had counted.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stageline.server.figures.rows import Gauges, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S = 1.0
"""How far behind the figures of other workers may be."""
STALE_S = 10.0
"""A worker that has not written for so long is gone: what was so then is so no longer."""
SUFFIX = ".figures"

_log = logging.getLogger("stageline")
_decode = msgspec.json.Decoder(Snapshot).decode


class Sharing:
    """One worker's file among the others. Safe from many threads; `start` and `close` once."""

    def __init__(self, folder: Path, take: Callable[[], Snapshot]) -> None:
        self._folder = folder
        self._take = take
        self._lock = threading.Lock()
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._repeat, name="stageline-figures", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write for the last time: the counts stay."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        last = self._take()
        last.gauges = Gauges()
        self._write(last)

    def together(self) -> Snapshot:
        """The figures of all."""
        if not self._stopped.is_set():
            self._write(self._take())
        found = Snapshot()
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            with suppress(FileNotFoundError):
                snapshot = _decode(path.read_bytes())
                if time.time() - path.stat().st_mtime > STALE_S:
                    snapshot.gauges = Gauges()
                found.add(snapshot)
        return found

    def _write(self, snapshot: Snapshot) -> None:
        with self._lock:
            handle, name = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(snapshot))
            os.replace(name, self._path)

    def _repeat(self) -> None:
        while not self._stopped.wait(EVERY_S):
            try:
                self._write(self._take())
            except OSError as error:  # a full disk must not end the figures for good
                _log.warning("figures can not be written: %s; it is tried again", error)
