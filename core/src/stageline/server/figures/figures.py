"""The figures of one worker: counted as requests come and go, put together when somebody asks."""

from __future__ import annotations

import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from stageline.server.figures.rows import BUCKETS, Gauges, Key, Row, Snapshot, Verb
from stageline.server.figures.sharing import Sharing
from stageline.server.figures.store_verbs import count_verbs
from stageline.tracking.abandoned import abandoned_bytes

if TYPE_CHECKING:
    from stageline.server.api.feed import Feed
    from stageline.server.replica import Replica


class Figures:
    """Counted on the event loop, without a lock; read from any thread. `start` and `close` once."""

    def __init__(self, replica: Replica, feed: Feed, folder: str | None) -> None:
        self.rows: dict[Key, Row] = {}
        self.in_flight = 0
        self._replica = replica
        self._feed = feed
        self._verbs: dict[str, Verb] = count_verbs(replica.workspace.store)
        self._process = psutil.Process()
        self._sharing = None if folder is None else Sharing(Path(folder), self.own)

    def start(self) -> None:
        """Share with the other workers."""
        if self._sharing is not None:
            self._sharing.start()

    def close(self) -> None:
        """Leave the counts to the other workers."""
        if self._sharing is not None:
            self._sharing.close()

    def take(self, route: str, method: str, status: int, seconds: float, sent_bytes: int) -> None:
        """Count a request."""
        key = (route, method, status)
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Row(route, method, status)
        row.count += 1
        row.seconds += seconds
        row.sent_bytes += sent_bytes
        row.buckets[bisect_left(BUCKETS, seconds)] += 1

    def together(self) -> Snapshot:
        """Of all workers of this server, and what dead processes left. Reads files: not for an event loop."""
        found = self.own() if self._sharing is None else self._sharing.together()
        found.gauges.unshipped_bytes += abandoned_bytes(self._replica.workspace.spool)
        return found

    def own(self) -> Snapshot:
        """Of this worker."""
        runs = [held.active for held in list(self._replica.runs.held.values())]
        waiting = [
            active.stream.unshipped_bytes
            for active in runs
            if active is not None and not active.stream.lies_in_store
        ]
        return Snapshot(
            rows=list(self.rows.values()),
            verbs=dict(self._verbs),
            gauges=Gauges(
                in_flight=self.in_flight,
                open_runs=len(runs),
                unshipped_bytes=sum(waiting),
                listeners=self._feed.listeners,
                resident_bytes=self._process.memory_info().rss,
                workers=1,
            ),
            cpu_seconds=time.process_time(),
        )
