"""A real HTTP server that is told things by webhooks, and answers as a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def event(self) -> str:
        return f"{self.document['entity']}.{self.document['action']}"

    @property
    def delivery_id(self) -> str:
        return self.headers["x-mlflow-delivery-id"]

    def is_signed_with(self, secret: str) -> bool:
        """As MLflow's documentation tells a receiver to check it, with nothing of ours."""
        text = f"{self.delivery_id}.{self.headers['x-mlflow-timestamp']}.{self.body.decode()}"
        digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
        return self.headers["x-mlflow-signature"] == f"v1,{base64.b64encode(digest).decode()}"


class Receiver:
    """What came so far; `answer` says what each request is answered with: a status, or something that does more."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received, BaseHTTPRequestHandler], int] = lambda one, handler: 200
        self.url = ""
        self.port = 0
        self.released = Event()
        """Set at the end; whoever hangs waits for it."""

    @property
    def told(self) -> list[str]:
        return [one.event for one in self.received]


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a port of its own; with a context, by TLS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            received = Received(self.path, headers, body)
            receiver.received.append(received)
            status = receiver.answer(received, self)
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who posts may be killed, or hang up, on purpose

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{receiver.port}/hook"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
