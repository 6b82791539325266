"""One client for all scoring servers: threads that send the same request over connections that they keep."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

COLUMNS = [f"x{number}" for number in range(5)]
ROWS = 10
CONNECTIONS = 4
STARTS_WITHIN_S = 120


def training() -> tuple[list[list[float]], list[float]]:
    """What the small model is fitted on."""
    chance = random.Random(0)
    rows = [[chance.gauss(0, 1) for _ in COLUMNS] for _ in range(200)]
    return rows, [sum(row) + chance.gauss(0, 0.1) for row in rows]


def measured(
    command: list[str], size: int, environment: dict[str, str] | None = None
) -> dict[str, float]:
    """Figures of `size` requests to the server that `command` starts; `{port}` in it is where it should listen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Path("server.log").open("wb") as log:
        server = subprocess.Popen(
            [part.format(port=port) for part in command],
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(port, server)
        _load(port, max(size // 10, CONNECTIONS))
        cpu, wall = _cpu_s(server.pid), time.perf_counter()
        _load(port, size)
        wall, cpu = time.perf_counter() - wall, _cpu_s(server.pid) - cpu
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return {"wall_s": wall, "cpu_s": cpu, "requests_s": size / wall}


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < give_up:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"the server does not answer: {Path('server.log').read_text()[-300:]}")


def _load(port: int, size: int) -> None:
    failures: list[str] = []
    threads = [
        threading.Thread(target=_ask, args=(port, size // CONNECTIONS, failures))
        for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"a request failed: {failures[0]}")


def _ask(port: int, count: int, failures: list[str]) -> None:
    rows, _ = training()
    body = json.dumps({"dataframe_split": {"columns": COLUMNS, "data": rows[:ROWS]}}).encode()
    request = (
        f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            connection.sendall(request)
            answer = _answer(connection)
            if not answer.startswith(b"HTTP/1.1 200"):
                failures.append(repr(answer[:500]))
                return


def _answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        more = _more(connection)
        data, body = data + more, body + more
    return data


def _more(connection: socket.socket) -> bytes:
    more = connection.recv(65536)
    if not more:
        sys.exit("the server hung up")
    return more


def _cpu_s(pid: int) -> float:
    """Of a process and all that it started, as Linux tells; 0 elsewhere."""
    tick = os.sysconf("SC_CLK_TCK")
    parents: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        number = int(stat.parent.name)
        parents.setdefault(int(fields[1]), []).append(number)
        used[number] = (int(fields[11]) + int(fields[12])) / tick
    family, found = [pid], 0.0
    while family:
        one = family.pop()
        found += used.get(one, 0.0)
        family += parents.get(one, [])
    return found
