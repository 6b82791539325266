"""Clients that are slow, many or gone: each costs a bounded time and memory, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from asking import API, Asked
from processes import WITHIN_S, until
from running import Client, Running

from stageline.server.api.app import PREFIX
from stageline.server.app import create_app
from stageline.server.options import Limits, Options
from stageline.serving import patience
from stageline.serving.door import Door
from stageline.serving.listening import bound
from stageline.serving.post import Post
from stageline.serving.talk import Leave, Serving
from stageline.testing.clock import FixedClock
from stageline.workspace import Workspace

SLOW = Options(limits=Limits(body_timeout_s=0.1))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{API}runs/log-metric"),
        ("POST", f"{PREFIX}/models/wine/transitions"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/a.txt"),
    ],
)
def test_body_that_does_not_come_is_408(workspace: Workspace, method: str, path: str) -> None:
    with Asked(workspace, SLOW) as server:
        path = path.format(run_id=server.run())
        status = asyncio.run_coroutine_threadsafe(_unfinished(server, method, path), server.loop)
        assert status.result(WITHIN_S) == 408


async def _unfinished(server: Asked, method: str, path: str) -> int:
    """The status of the answer to a request whose body stops in the middle."""
    said: list[Any] = []
    parts = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        if parts:
            return parts.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [*headers, (b"content-length", b"100")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 5000),
    }
    await Door(server.app, None)(scope, receive, send)
    return int(said[0]["status"])


@pytest.fixture
def impatient(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a worker in this process that waits a fifth of a second for a head."""
    monkeypatch.setattr(patience.Patience.__init__, "__defaults__", (0.2, time.monotonic))
    listener = bound("127.0.0.1", 0)
    ours, theirs = Pipe()
    app = create_app(workspace)
    post = Post(listener, theirs)
    serving = threading.Thread(target=lambda: post.serve(Door(app, ()), drain_s=5))
    serving.start()
    assert isinstance(ours.recv(), Serving)
    yield listener.getsockname()[1]
    ours.send(Leave(0.1))
    serving.join(WITHIN_S)
    app.state.replica.close()
    listener.close()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: loc"])
def test_connection_that_brings_no_request_is_ended(impatient: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=WITHIN_S) as connection:
        connection.sendall(sent)
        assert _ended(connection)


def test_connection_that_stops_within_its_second_request_is_ended(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=WITHIN_S) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /health HT")
        assert _ended(connection)


class Line:
    """A connection as uvicorn knows it."""

    def __init__(self, answered: object | None) -> None:
        self.transport = self
        self.answer(answered)
        self.is_ended = False

    def answer(self, cycle: object | None) -> None:
        self.cycle = None if cycle is None else SimpleNamespace(response_complete=True)

    def abort(self) -> None:
        self.is_ended = True


def test_busy_connection_is_not_idle_because_looks_fall_between_its_requests() -> None:
    clock = FixedClock(0)
    busy, silent, new = Line("first"), Line("first"), Line(None)
    keeper = patience.Patience([busy, silent, new], 20.0, lambda: clock.now_ms() / 1000)
    for number in range(6):
        keeper.look()
        clock.sleep(5)
        busy.answer(number)
    assert (busy.is_ended, silent.is_ended, new.is_ended) == (False, True, True)


def _ended(connection: socket.socket) -> bool:
    """Whether the other side ends it; it may say something first."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        return True
    return True


def test_listeners_do_not_hold_up_a_server_that_stops(tmp_path: Path) -> None:
    with Running(str(tmp_path / "store"), tmp_path, "--drain", "600") as server:
        streams = [_listening(server.port) for _ in range(3)]
        assert server.end() == 0  # which waits for less than the drain
        for stream in streams:
            assert _ended(stream)
            stream.close()


def _listening(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
    head = f"GET {PREFIX}/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection.sendall(head.encode())
    said = b""
    while b"retry:" not in said:
        said += connection.recv(4096)
    return connection


@pytest.mark.slow
def test_memory_is_bounded_with_200_clients(tmp_path: Path) -> None:
    with Running(str(tmp_path / "store"), tmp_path) as server:
        run_id = server.client().run()
        (worker,) = server.workers()
        clients = [Client(server.port, keeps=True) for _ in range(200)]
        body = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}
        _all_log(clients, body, 3)
        warm = worker.memory_info().rss
        _all_log(clients, body, 10)
        grown = worker.memory_info().rss - warm
        assert grown < 32 << 20, grown
        for client in clients:
            client.close()
        until(lambda: not _connected(worker, server.port), "connections are let go")
        assert server.end() == 0


def _all_log(clients: list[Client], body: dict[str, Any], rounds: int) -> None:
    for _ in range(rounds):
        for client in clients:
            status, answer = client.ask("POST", f"{API}runs/log-metric", body)
            assert status == 200, answer


def _connected(worker: psutil.Process, port: int) -> list[Any]:
    found = worker.net_connections(kind="tcp")
    return [one for one in found if one.laddr.port == port and one.status == "ESTABLISHED"]
