"""The workloads: what is asked of every contestant, in which size and unit. No measuring."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One workload. A contestant takes part by having a function of that `workload`'s name."""

    name: str
    title: str
    bound: str
    """What the bound does, in words."""
    reach: str
    size: int
    """Calls, runs, points or bytes: what `wall` is divided by, but for `whole` rows."""
    unit: str
    workload: str = ""
    is_whole: bool = False
    """Report the time of the whole, not of one of `size`."""
    is_process: bool = False
    """Measured from outside: the whole life of a process."""
    is_prepared: bool = False
    """`<workload>_prepare` fills a folder once; rounds only read it."""
    is_large: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    """For contestants that would take too long at `size`. Never with `is_whole`."""

    @property
    def function(self) -> str:
        return self.workload or self.name


ROWS = (
    Row(
        name="log_metric",
        title="`log_metric`, on disk at return",
        bound="one write(2) of an encoded record",
        reach="1.5x the bound; a twentieth of the fastest peer that is on disk at return",
        size=20_000,
        unit="us",
        sizes={"mlflow": 200, "dvclive": 2_000},
    ),
    Row(
        name="cold",
        title="import, one run, one metric, exit",
        bound="bare interpreter and sqlite3",
        reach="0.12 s of CPU; a twentieth of MLflow",
        size=1,
        unit="ms",
        is_process=True,
    ),
    Row(
        name="empty_run",
        title="an empty run, local",
        bound="mkdir, create, fsync",
        reach="2x the bound",
        size=200,
        unit="ms",
        sizes={"mlflow": 20, "trackio": 10, "dvclive": 50},
    ),
    Row(
        name="batches",
        title="100k points in batches of 1,000",
        bound="the columns as raw bytes, one write a batch, fsync at the end",
        reach="0.5 us a point (2M points/s); 12 bytes a point in the store",
        size=100_000,
        unit="us",
        sizes={"mlflow": 10_000, "dvclive": 5_000},
    ),
    Row(
        name="search_10k",
        workload="search",
        title="search: filter, sort, top 100 of 10,000 runs, warm",
        bound="SQLite over a table with a column for each key",
        reach="a fiftieth of MLflow on SQLite",
        size=10_000,
        unit="ms",
        is_whole=True,
        is_prepared=True,
    ),
    Row(
        name="search_100k",
        workload="search",
        title="search: filter, sort, top 100 of 100,000 runs, warm",
        bound="SQLite over a table with a column for each key",
        reach="40 ms",
        size=100_000,
        unit="ms",
        is_whole=True,
        is_prepared=True,
        is_large=True,
    ),
    Row(
        name="serving",
        title="a model over HTTP: 10 rows in, 10 predictions out, 4 connections, 1 worker",
        bound="the same estimator on an array, in the barest application on the same server",
        reach="MLflow's requests a second",
        size=2_000,
        unit="us",
        is_prepared=True,
    ),
    Row(
        name="http_log_metric",
        title="`log-metric` over HTTP, 4 runs at once, 1 worker",
        bound="a body read, parsed and appended to a file by the barest application on the same server",
        reach="a twentieth of MLflow's server",
        size=20_000,
        unit="us",
        sizes={"mlflow": 400},
    ),
    Row(
        name="http_log_batch",
        title="`log-batch` of 1,000 points over HTTP, 4 runs at once, 1 worker",
        bound="the same",
        reach="a tenth of MLflow's server",
        size=400,
        unit="us",
        sizes={"mlflow": 40},
    ),
    Row(
        name="http_search",
        title="`runs/search` over HTTP: filter, sort, top 100 of 10,000 runs, warm",
        bound="-",
        reach="a fiftieth of MLflow's server",
        size=10_000,
        unit="ms",
        is_whole=True,
        is_prepared=True,
    ),
    Row(
        name="ui",
        title="the table of 10,000 runs in Chromium: a cold load to its first rows",
        bound="-",
        reach="a quarter of MLflow's time; 200 KB for the table, 2,000 KB for the charts; no other host",
        size=10_000,
        unit="ms",
        is_whole=True,
        is_prepared=True,
    ),
    Row(
        name="ui_100k",
        workload="ui",
        title="the table of 100,000 runs in Chromium: a cold load to its first rows",
        bound="-",
        reach="250 ms from a click to the sorted or filtered rows; 250 MB of server",
        size=100_000,
        unit="ms",
        is_whole=True,
        is_prepared=True,
        is_large=True,
    ),
    Row(
        name="artifact",
        title="a 500 MB artifact",
        bound="read once, hash with sha256, write",
        reach="twice the time of the copy at most; under 32 MB extra memory",
        size=500_000_000,
        unit="s",
        is_whole=True,
    ),
)
