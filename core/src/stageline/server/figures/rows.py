"""Requests counted by route, method and status: what one worker saw, as numbers that add up."""

from __future__ import annotations

from typing import Final

import msgspec

BUCKETS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Upper bounds in seconds: a point takes a tenth of a millisecond, a search of a cold store seconds."""

Key = tuple[str, str, int]
"""Route template, method, status."""


MLFLOW = "/api/2.0/mlflow/"


def full_route(route: str) -> str:
    """A route as it is told: endpoints of MLflow's protocol are counted by what they have of their own.

    >>> full_route("runs/log-metric"), full_route("/health")
    ('/api/2.0/mlflow/runs/log-metric', '/health')
    """
    return route if route[:1] in ("/", "(") else MLFLOW + route


class Row(msgspec.Struct):
    """Requests that are alike."""

    route: str
    method: str
    status: int
    count: int = 0
    seconds: float = 0.0
    sent_bytes: int = 0
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def add(self, other: Row) -> None:
        """Count what another worker saw."""
        self.count += other.count
        self.seconds += other.seconds
        self.sent_bytes += other.sent_bytes
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]


class Verb(msgspec.Struct):
    """Requests to the store, of one kind."""

    count: int = 0
    failures: int = 0
    seconds: float = 0.0

    def add(self, other: Verb) -> None:
        """Count what another worker asked."""
        self.count += other.count
        self.failures += other.failures
        self.seconds += other.seconds


class Gauges(msgspec.Struct):
    """What is so now; 0 of a worker that is gone."""

    in_flight: int = 0
    open_runs: int = 0
    unshipped_bytes: int = 0
    listeners: int = 0
    resident_bytes: int = 0
    workers: int = 0

    def add(self, other: Gauges) -> None:
        """Add another worker's."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Snapshot(msgspec.Struct):
    """All that one worker, or several, have to tell."""

    rows: list[Row] = []
    verbs: dict[str, Verb] = {}
    gauges: Gauges = msgspec.field(default_factory=Gauges)
    cpu_seconds: float = 0.0

    def add(self, other: Snapshot) -> None:
        """Add another worker's; counts of a worker that is gone stay, so that no sum ever falls."""
        known = {(row.route, row.method, row.status): row for row in self.rows}
        for row in other.rows:
            mine = known.get((row.route, row.method, row.status))
            if mine is None:
                self.rows.append(row)
            else:
                mine.add(row)
        for name, verb in other.verbs.items():
            self.verbs.setdefault(name, Verb()).add(verb)
        self.gauges.add(other.gauges)
        self.cpu_seconds += other.cpu_seconds
