"""One client for all scoring servers: threads that send the same request over connections that they keep."""

from __future__ import annotations

import json
import random
import time

from http_server import asked, connected, cpu_s, request_of, served, together

COLUMNS = [f"x{number}" for number in range(5)]
ROWS = 10
CONNECTIONS = 4


def training() -> tuple[list[list[float]], list[float]]:
    """What the small model is fitted on."""
    chance = random.Random(0)
    rows = [[chance.gauss(0, 1) for _ in COLUMNS] for _ in range(200)]
    return rows, [sum(row) + chance.gauss(0, 0.1) for row in rows]


def measured(
    command: list[str], size: int, environment: dict[str, str] | None = None
) -> dict[str, float]:
    """Figures of `size` requests to the server that `command` starts; `{port}` in it is where it should listen."""
    with served(command, "/ping", environment) as (port, pid):
        _load(port, max(size // 10, CONNECTIONS))
        cpu, wall = cpu_s(pid), time.perf_counter()
        _load(port, size)
        wall, cpu = time.perf_counter() - wall, cpu_s(pid) - cpu
    return {"wall_s": wall, "cpu_s": cpu, "requests_s": size / wall}


def _load(port: int, size: int) -> None:
    together(_ask, [(port, size // CONNECTIONS)] * CONNECTIONS)


def _ask(port: int, count: int) -> None:
    rows, _ = training()
    body = json.dumps({"dataframe_split": {"columns": COLUMNS, "data": rows[:ROWS]}}).encode()
    request = request_of(port, "POST", "/invocations", body)
    with connected(port) as connection:
        for _ in range(count):
            asked(connection, request)
