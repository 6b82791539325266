"""How cost grows with writers: processes that log to runs of their own, and threads that register one model's versions.

Runs of their own are logged in a folder, by processes; so many share the processors, and so CPU is what to look at.
Versions are registered over a store whose every answer takes ten milliseconds, as a bucket's do, or nobody would meet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

from growth.cost import Cost, cost_of
from growth.stores import bucket, opened

from stageline.testing.counting import CountingStore

RUNS = 5
POINTS = 1_000
ANSWER_S = 0.01
REGISTERED = 4

# `sys.stdin.readline` holds each writer back until all have started.
WRITER = f"""
import json, sys, time
import stageline
stageline.set_store("store")
stageline.set_experiment("writers")
with stageline.start_run():
    pass
print("ready", flush=True)
sys.stdin.readline()
cpu, wall = time.process_time(), time.perf_counter()
for _ in range({RUNS}):
    with stageline.start_run():
        for step in range({POINTS}):
            stageline.log_metric("loss", 1 / (step + 1), step)
print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall]))
"""


def writers(size: int, folder: Path) -> list[Cost]:
    """`size` processes, five runs of a thousand points each, into one experiment of a folder."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(size)
    ]
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        laps = [json.loads(process.communicate(timeout=240)[0]) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    cpu, wall = (sum(lap[at] for lap in laps) / size / RUNS * 1e3 for at in (0, 1))
    logged = len(list((folder / "store/runs").iterdir()))
    assert logged == size * (RUNS + 1), logged
    load = round(os.getloadavg()[0], 1)
    return [Cost("a run of 1,000 points", round(cpu, 3), round(wall, 3), {}, 0, 0, load)]


class Distant(CountingStore):
    """A counted store whose answers take a while."""

    def create(self, key: str, data: bytes) -> bool:
        """Passed on, after a while."""
        time.sleep(ANSWER_S)
        return super().create(key, data)

    def read(self, key: str) -> bytes:
        """Passed on, after a while."""
        time.sleep(ANSWER_S)
        return super().read(key)

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None):
        """Passed on, after a while."""
        time.sleep(ANSWER_S)
        return super().list(prefix, deep=deep, limit=limit)


def registering(size: int, folder: Path) -> list[Cost]:
    """`size` threads, each with a registry of its own, register four versions of one model at once."""
    store = Distant(bucket("registering").inner)
    registries = [opened(store, folder / "cache").registry for _ in range(size)]
    registries[0].register("wine", source="s3://models/wine/first")
    for one in registries:
        one.get("wine")

    def work(number: int) -> None:
        for version in range(REGISTERED):
            registries[number].register("wine", source=f"s3://models/wine/{number}-{version}")

    def together() -> None:
        threads = [Thread(target=work, args=(number,)) for number in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    found = cost_of("register", store, together, times=1, share=size * REGISTERED)
    made = [one.version for one in registries[0].versions("wine")]
    assert made == list(range(1, size * REGISTERED + 2)), made
    return [found]
