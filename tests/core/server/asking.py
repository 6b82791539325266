"""Requests to a server's application without a socket: what uvicorn would tell it, and what it says."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode

from processes import WITHIN_S

from stageline.server.app import create_app, guarded
from stageline.server.endpoint import Endpoint
from stageline.server.options import Options
from stageline.workspace import Workspace

API = "/api/2.0/mlflow/"


class Reply(NamedTuple):
    """What came back."""

    status: int
    content: bytes
    headers: dict[str, str]
    challenges: list[str]
    """How to say who one is: the header that comes several times."""

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """Of an error."""
        return str(self.json["error_code"])


class Asked:
    """An application on an event loop of its own, until the end of the block."""

    def __init__(
        self,
        workspace: Workspace,
        options: Options | None = None,
        endpoints: tuple[Endpoint, ...] = (),
    ) -> None:
        self.workspace = workspace
        self.app = create_app(workspace, options, endpoints=endpoints)
        self.replica = self.app.state.replica
        self._front = guarded(self.app)[1]
        self.api = self.app.state.api
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> Asked:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.replica.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WITHIN_S)
        self.loop.close()

    def get(self, path: str, /, **query: Any) -> Reply:
        return self.ask("GET", API + path, query=query)

    def post(self, path: str, /, **body: Any) -> Reply:
        return self.ask("POST", API + path, json.dumps(body).encode())

    def made(self, path: str, /, **body: Any) -> Any:
        """The answer to a request that succeeds."""
        reply = self.post(path, **body)
        assert reply.status == 200, reply
        return reply.json

    def run(self, experiment_id: str = "0", **more: Any) -> str:
        """The id of a new run."""
        made = self.made("runs/create", experiment_id=experiment_id, start_time=1, **more)
        return str(made["run"]["info"]["run_id"])

    def found(self, run_id: str) -> Any:
        return self.get("runs/get", run_id=run_id).json["run"]

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | list[bytes] = b"",
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Any request; a list is a body that arrives in parts and does not say how long it is."""
        sent = {"host": "127.0.0.1", "content-type": "application/json", **(headers or {})}
        if isinstance(body, bytes):
            sent["content-length"] = str(len(body))
        parts = [body] if isinstance(body, bytes) else [*body]
        given = [(k.encode(), v.encode("latin-1")) for k, v in sent.items() if v]
        return self._sent(method, path, given, parts, urlencode(query or {}, doseq=True))

    def ask_raw(
        self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes = b""
    ) -> Reply:
        """A request with these headers alone, beside a Host if there is none among them."""
        path, _, query = target.partition("?")
        if not any(name == b"host" for name, _ in headers):
            headers = [(b"host", b"127.0.0.1"), *headers]
        return self._sent(method, path, headers, [body], query)

    def _sent(
        self,
        method: str,
        path: str,
        headers: list[tuple[bytes, bytes]],
        parts: list[bytes],
        query: str,
    ) -> Reply:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 5000),
        }
        done = asyncio.run_coroutine_threadsafe(self._ask(scope, parts), self.loop)
        return done.result(WITHIN_S)

    async def _ask(self, scope: dict[str, Any], parts: list[bytes]) -> Reply:
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not parts:
                return {"type": "http.disconnect"}
            chunk = parts.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            messages.append(message)

        await self._front(scope, receive, send)
        start = messages[0]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        assert not messages[-1].get("more_body"), "the answer did not end"
        headers = {key.decode().lower(): value.decode() for key, value in start["headers"]}
        assert int(headers.get("content-length", len(content))) == len(content)
        challenges = [v.decode() for k, v in start["headers"] if k == b"www-authenticate"]
        return Reply(start["status"], content, headers, challenges)
