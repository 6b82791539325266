"""Records what MLflow's client asks of MLflow's server, and what that answers: run by hand, not by a suite.

`.venv/flavors/bin/python tests/flavors/record_tracking.py` writes tests/core/server/fixtures/tracking.json and
registry.json; the name of one of them as an argument: that one.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TO = Path(__file__).parents[1] / "core" / "server" / "fixtures"
PLAIN = ("autolog", "tables_and_images", "later_than_said", "files")
"""Flows that depend on more than the protocol, or whose bodies are bytes."""


def main() -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    folder = tempfile.mkdtemp()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    beside = Path(sys.executable).parent
    server = subprocess.Popen(
        [str(beside / "mlflow"), "server", "--backend-store-uri",
         f"sqlite:///{folder}/m.db", "--artifacts-destination", folder, "--workers", "1", "--port", str(port)],
        cwd=folder, start_new_session=True, env={**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"},
    )  # fmt: skip
    try:
        _wait(port)
        record(port)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def record(port: int) -> None:
    calls: list[dict[str, Any]] = []
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _proxy(port, calls))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    import mlflow

    mlflow.set_tracking_uri(f"http://127.0.0.1:{proxy.server_port}")
    import registry_flows
    import tracking_flows

    for name, flows in (
        ("tracking", tracking_flows.FLOWS),
        ("registry", registry_flows.REGISTRY_FLOWS),
    ):
        if name not in (sys.argv[1:] or name):
            continue
        recorded: dict[str, Any] = {}
        for flow in flows:
            if flow.__name__ not in PLAIN:
                mlflow.set_experiment(experiment_id="0")
                calls.clear()
                flow(mlflow.MlflowClient())
                recorded[flow.__name__] = [*calls]
        TO.mkdir(parents=True, exist_ok=True)
        told = json.dumps({"mlflow": mlflow.__version__, "flows": recorded}, indent=1)
        (TO / f"{name}.json").write_text(f"{told}\n")
    proxy.shutdown()


def _proxy(port: int, calls: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            ahead = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            ahead.request(self.command, self.path, body, headers)
            answer = ahead.getresponse()
            data = answer.read()
            ahead.close()
            if "/mlflow/" in self.path:
                calls.append(
                    {
                        "method": self.command,
                        "path": self.path,
                        "body": json.loads(body) if body else None,
                        "status": answer.status,
                        "answer": json.loads(data),
                    }
                )
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

        def log_message(self, *_: object) -> None:
            pass

    return Proxy


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    sys.exit("the server does not answer")


if __name__ == "__main__":
    main()
