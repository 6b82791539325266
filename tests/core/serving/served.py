"""`stageline models serve` as a process of its own, and clients that count what becomes of their requests."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from answering import Answering
from processes import WITHIN_S, until

from stageline.models.saving import Details, save_model

HERE = Path(__file__).parent
_URL = re.compile(r"serving (\S+) on http://127\.0\.0\.1:(\d+)")


def save_answering(folder: Path, name: str = "one") -> Path:
    save_model(Answering(name), folder, "pyfunc", details=Details(pip_requirements=[]))
    return folder


class Reply(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def name(self) -> str:
        """Of the model that answered."""
        return str(self.body["predictions"][0])

    @property
    def pid(self) -> int:
        """Of the worker that answered."""
        return int(self.body["predictions"][1])


class Served:
    """A server, until the end of the block."""

    def __init__(self, uri: str | Path, folder: Path, *options: str, store: str = "") -> None:
        self.log = folder / f"log-{time.monotonic_ns()}"
        command = [
            str(Path(sys.executable).with_name("stageline")),
            *(["--store", store] if store else []),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *command,
                    "models",
                    "serve",
                    "-m",
                    str(uri),
                    "--port",
                    "0",
                    "--allow-pickle",
                    *options,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(HERE), "TMPDIR": str(folder)},
            )

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *exception: object) -> None:
        children = self.children()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WITHIN_S)
        for child in children:
            if child.is_running():
                child.kill()

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    @property
    def text(self) -> str:
        return self.log.read_text()

    def ready(self) -> Served:
        until(lambda: bool(_URL.search(self.text)) or self.process.poll() is not None, "serving")
        assert self.process.poll() is None, self.text
        return self

    @property
    def port(self) -> int:
        found = _URL.search(self.text)
        assert found, self.text
        return int(found[2])

    def end(self, sig: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sig)
        return self.process.wait(WITHIN_S)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)

    def get(self, path: str, **headers: str) -> Reply:
        connection = self.connect()
        try:
            return ask(connection, "GET", path, None, headers)
        finally:
            connection.close()

    def predict(
        self, seconds: float = 0, connection: http.client.HTTPConnection | None = None
    ) -> Reply:
        """One prediction, over a connection of its own or the one that is given."""
        used = connection or self.connect()
        try:
            return ask(
                used,
                "POST",
                "/invocations",
                json.dumps({"inputs": [seconds]}).encode(),
                {"Content-Type": "application/json"},
            )
        finally:
            if connection is None:
                used.close()


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
) -> Reply:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    try:
        found = json.loads(text)
    except ValueError:
        found = text.decode()
    return Reply(answer.status, found, {name.lower(): one for name, one in answer.getheaders()})


class Clients:
    """Threads that ask without a pause, each over a connection that it keeps as long as the server does.

    `outcomes` counts them: a status, `refused` where there was nobody to connect to, or `lost`.
    """

    def __init__(self, served: Served, count: int = 4, seconds: float = 0.01) -> None:
        self.outcomes: Counter[Any] = Counter()
        self.names: list[str] = []
        self.errors: list[str] = []
        self._served, self._seconds = served, seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WITHIN_S)

    def _ask(self) -> None:
        port_of = self._served.connect
        connection = port_of()
        while not self._stop.is_set():
            try:
                if connection.sock is None:
                    connection.connect()
            except ConnectionRefusedError:
                self.outcomes["refused"] += 1
                return
            try:
                reply = self._served.predict(self._seconds, connection)
            except (OSError, http.client.HTTPException) as error:
                self.outcomes["lost"] += 1
                self.errors.append(repr(error))
                connection.close()
                continue
            self.outcomes[reply.status] += 1
            if reply.status == 200:
                self.names.append(reply.name)
        connection.close()
