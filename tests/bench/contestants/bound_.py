"""What the machine itself takes for each workload: nobody who keeps the same promise can be faster."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
import sys
import time
import zlib
from array import array
from pathlib import Path

import msgspec
import tracking_load
from population import METRICS, PAGE, PARAMS, population, series
from scoring_load import measured
from stopwatch import Stopwatch, contest, made_file, warm


def log_metric(size: int) -> dict[str, float]:
    encode = msgspec.msgpack.Encoder().encode
    frame = struct.Struct("<II").pack
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Stopwatch() as watch:
        for step in range(size):
            record = encode(("loss", 0.5 * step, step, time.time_ns() // 1_000_000))
            os.write(log, frame(len(record), zlib.crc32(record)) + record)
    return watch.figures()


def empty_run(size: int) -> dict[str, float]:
    with Stopwatch() as watch:
        for number in range(size):
            os.mkdir(f"run-{number}")
            run = os.open(f"run-{number}/start", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(run, b'{"status": "RUNNING"}')
            os.fsync(run)
            os.close(run)
    return watch.figures()


def batches(size: int) -> dict[str, float]:
    points = series(size)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Stopwatch() as watch:
        for first in range(0, size, 1_000):
            steps, values, times = zip(*points[first : first + 1_000], strict=True)
            columns = array("q", steps), array("d", values), array("q", times)
            os.write(log, b"".join(column.tobytes() for column in columns))
        os.fsync(log)
    return watch.figures(bytes_per_point=os.fstat(log).st_size / size)


def search_prepare(size: int) -> None:
    db = sqlite3.connect("runs.db")
    columns = [*(f"{key} text" for key in PARAMS), *(f"{key} real" for key in METRICS)]
    db.execute(f"create table runs (id text primary key, status text, {', '.join(columns)})")
    places = ", ".join("?" for _ in range(2 + len(columns)))
    db.executemany(
        f"insert into runs values ({places})",
        (
            (f"{number:032x}", "FINISHED", *params.values(), *metrics.values())
            for number, (params, metrics) in enumerate(population(size))
        ),
    )
    db.commit()


def search(_: int) -> dict[str, float]:
    db = sqlite3.connect("runs.db")
    query = (
        "select * from runs where rmse < 0.5 and mae > 0.2 and seed != '7' order by loss limit 100"
    )
    return warm(lambda: db.execute(query).fetchall(), PAGE)


def artifact(size: int) -> dict[str, float]:
    path = made_file(size)
    digest = hashlib.sha256()
    with Stopwatch() as watch, open(path, "rb") as source, open("copy.bin", "wb") as target:
        while block := source.read(1 << 20):
            digest.update(block)
            target.write(block)
    return watch.figures(extra_mb=watch.extra_mb)


def serving_prepare(size: int) -> None:
    """It fits its model as it starts."""


def serving(size: int) -> dict[str, float]:
    script = Path(__file__).with_name("bare_scoring.py")
    return measured([sys.executable, str(script), "{port}"], size)


BARE = [sys.executable, str(Path(__file__).with_name("bare_tracking.py")), "{port}"]


def http_log_metric(size: int) -> dict[str, float]:
    return tracking_load.log_metric(BARE, size)


def http_log_batch(size: int) -> dict[str, float]:
    return tracking_load.log_batch(BARE, size)


if __name__ == "__main__":
    contest(globals())
