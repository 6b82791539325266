"""Servers as contestants: started on a free port, asked over plain sockets, and what they cost as seen from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STARTS_WITHIN_S = 120


@contextmanager
def served(
    command: list[str], path: str, environment: dict[str, str] | None = None
) -> Iterator[tuple[int, int]]:
    """Port and process id of the server that `command` starts, once it answers on `path`."""
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
        _wait(port, server, path)
        yield port, server.pid
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def connected(port: int) -> socket.socket:
    """A connection that sends at once."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request_of(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    """A request with a JSON body."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def asked(connection: socket.socket, request: bytes) -> bytes:
    """The body of the answer. Raises `RuntimeError` for anything but 200."""
    connection.sendall(request)
    answer = _answer(connection)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"a request failed: {answer[:500]!r}")
    return answer.partition(b"\r\n\r\n")[2]


def together(function: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    """Call `function` with each, all at once; the first failure is raised."""
    with ThreadPoolExecutor(len(arguments)) as threads:
        for done in [threads.submit(function, *each) for each in arguments]:
            done.result()


def _wait(port: int, server: subprocess.Popen[bytes], path: str) -> None:
    give_up = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < give_up:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"the server does not answer: {Path('server.log').read_text()[-300:]}")


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
        raise RuntimeError("the server hung up")
    return more


def memory_mb(pid: int) -> float:
    """Of a process and all that it started, with their share of what is shared, as Linux tells; 0 elsewhere."""
    total = 0
    for one in family(pid):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue  # it has just ended
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1e3


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """Of a process and all that it started, as Linux tells; 0 elsewhere."""
    tick = os.sysconf("SC_CLK_TCK")
    found = 0.0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        found += (int(fields[11]) + int(fields[12])) / tick
    return found
