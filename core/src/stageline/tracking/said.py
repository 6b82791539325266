"""What a writer has said and its stream has not taken in yet: so that a small run need not read its own log back.

The log stays the truth. What is remembered here counts only if the log has grown by just these records: a point that
was logged in a hurry, a torn frame or a long history makes it longer, and then it is read.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from stageline.domain.events import AnyEvent, encode_event
from stageline.storage.frames import framed_size

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 64
"""Records that are remembered; a run that has more to say between two readings is no small one."""


class Said:
    """The records at the end of a log. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[tuple[AnyEvent, int]] = []
        self._bytes = 0

    def say(self, append: Callable[..., None], *events: AnyEvent) -> None:
        """Have the log `append` these by one write. Raises what `append` does."""
        payloads = list(map(encode_event, events))
        # Both under one lock: whoever takes sees a record in the log and here, or in neither.
        with self._lock:
            append(*payloads)
            if len(self._records) + len(events) > MOST:
                self._records.clear()  # what is left falls short of the log's growth, so nobody will believe it
                return
            sizes = list(map(len, payloads))
            self._records += zip(events, sizes, strict=True)
            self._bytes += sum(map(framed_size, sizes))

    def take(self, path: str, read_to: int) -> tuple[int, list[tuple[AnyEvent, int]] | None]:
        """The size of the log, and what it holds from `read_to` on, with bytes; None: that is not known here.

        Raises:
            FileNotFoundError: there is no log at `path`.
        """
        with self._lock:
            size = os.stat(path).st_size
            records, counted = self._records, self._bytes
            self._records, self._bytes = [], 0
        return size, records if read_to + counted == size else None
