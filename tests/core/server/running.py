"""`stageline server` as a process of its own, and clients of it."""

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
from pathlib import Path
from typing import Any

import psutil
from processes import WITHIN_S, until

API = "/api/2.0/mlflow/"
_URL = re.compile(r"serving \S+ on http://127\.0\.0\.1:(\d+)")


class Running:
    """A server, until the end of the block."""

    def __init__(
        self, store: str, folder: Path, *options: str, command: str = "server", **environment: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"log-{time.monotonic_ns()}"
        stageline = str(Path(sys.executable).with_name("stageline"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [stageline, "--store", store, command, "--port", "0", *options],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "STAGELINE_CACHE": str(folder / "cache"),
                    "STAGELINE_SPOOL": str(folder / "spool"),
                    **environment,
                },
            )

    def __enter__(self) -> Running:
        until(lambda: bool(_URL.search(self.text)) or self.process.poll() is not None, "serving")
        assert self.process.poll() is None, self.text
        return self

    def __exit__(self, *_: object) -> None:
        children = self.workers()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WITHIN_S)
        for child in children:
            if child.is_running():
                child.kill()

    @property
    def text(self) -> str:
        return self.log.read_text()

    @property
    def port(self) -> int:
        found = _URL.search(self.text)
        assert found, self.text
        return int(found[1])

    def workers(self) -> list[psutil.Process]:
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
            return [one for one in family if "resource_tracker" not in " ".join(one.cmdline())]
        except psutil.Error:
            return []

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def die(self) -> None:
        """All of it, at once, with no last words."""
        workers = self.workers()
        self.process.kill()
        for worker in workers:
            worker.kill()
        self.process.wait(WITHIN_S)
        psutil.wait_procs(workers, WITHIN_S)

    def client(self) -> Client:
        return Client(self.port)


class Client:
    """One connection; a new one for each request unless it `keeps` it."""

    def __init__(self, port: int, *, keeps: bool = False) -> None:
        self._keeps = keeps
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        content = answer.read()
        if not self._keeps:
            self.close()
        return answer.status, json.loads(content)

    def text(self, path: str) -> bytes:
        """The body of an answer that is no JSON."""
        self._connection.request("GET", path)
        content = self._connection.getresponse().read()
        self.close()
        return content

    def post(self, path: str, **body: Any) -> Any:
        status, answer = self.ask("POST", API + path, body)
        assert status == 200, answer
        return answer

    def get(self, path: str) -> Any:
        status, answer = self.ask("GET", API + path)
        assert status == 200, answer
        return answer

    def run(self) -> str:
        made = self.post("runs/create", experiment_id="0", start_time=1, user_id="ann")
        return str(made["run"]["info"]["run_id"])

    def steps(self, run_id: str) -> list[int]:
        found = self.get(f"metrics/get-history?run_id={run_id}&metric_key=m")
        return [point["step"] for point in found["metrics"]]


class Loggers:
    """Threads that log one point after the other to a run; `told` has the steps that were acknowledged."""

    def __init__(self, ports: list[int], run_id: str) -> None:
        self.told: list[int] = []
        self.refused: list[Any] = []
        self._run_id = run_id
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._log, args=(port, number, len(ports)))
            for number, port in enumerate(ports)
        ]

    def __enter__(self) -> Loggers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WITHIN_S)

    def _log(self, port: int, step: int, stride: int) -> None:
        client = Client(port, keeps=True)
        while not self._stop.is_set():
            body = {"run_id": self._run_id, "key": "m", "value": step, "timestamp": 1, "step": step}
            try:
                status, answer = client.ask("POST", f"{API}runs/log-metric", body)
            except (OSError, http.client.HTTPException):
                client.close()
                if self._stop.wait(0.01):
                    break
                step += stride  # nobody was told, so it may be there or not
                continue
            if status == 200:
                self.told.append(step)
            else:
                self.refused.append(answer)
            step += stride
        client.close()
