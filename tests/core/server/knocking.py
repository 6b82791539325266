"""Callers who say who they are, to a server that asks."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, TypeVar

from asking import API, Asked, Reply

from stageline.server.auth.options import AuthOptions
from stageline.server.auth.token_store import Tokens
from stageline.server.endpoint import Endpoint
from stageline.server.options import Options
from stageline.server.protocol import Protocol
from stageline.workspace import Workspace

T = TypeVar("T")

AUTH = Options(auth=AuthOptions(session_key=b"k" * 32))


class Knocking(Asked):
    """A server that asks who comes."""

    def __init__(
        self,
        workspace: Workspace,
        options: Options = AUTH,
        endpoints: tuple[Endpoint, ...] = (),
    ) -> None:
        super().__init__(workspace, options, endpoints)
        self.tokens = Tokens(workspace.store, workspace.clock)

    def token(self, *rights: str, name: str = "ann", **more: Any) -> str:
        """The text of a new token."""
        return self.tokens.create(name, rights or ("read",), **more)[1]

    def who(self, *rights: str, **more: Any) -> Who:
        """Somebody with a new token."""
        return Who(self, {"authorization": f"Bearer {self.token(*rights, **more)}"})

    def part(self, kind: type[T]) -> T:
        """The middleware of a kind, once the application was asked something."""
        self.ask("GET", "/health")
        found: Any = self.app.middleware_stack
        while not isinstance(found, kind):
            found = getattr(found, "app", None) or found._app
        return found

    def protocol_endpoints(self) -> list[Endpoint]:
        """All that the protocol answers."""
        table = self.part(Protocol)._table
        return [*table._exact.values(), *(endpoint for _, endpoint in table._patterns)]

    def forget_names(self) -> None:
        """As if some seconds had passed since experiments were looked at."""
        guard = self.part(Protocol)._guard
        assert guard is not None
        guard.homes._names.clear()

    @property
    def nobody(self) -> Who:
        return Who(self, {})


class Who:
    """Sends requests with the same headers each time."""

    def __init__(self, server: Asked, headers: dict[str, str]) -> None:
        self.server = server
        self.headers = headers

    def get(self, path: str, /, **query: Any) -> Reply:
        return self.ask("GET", API + path, query=query)

    def send(self, method: str, path: str, /, **body: Any) -> Reply:
        return self.ask(method, API + path, json.dumps(body).encode())

    def post(self, path: str, /, **body: Any) -> Reply:
        return self.send("POST", path, **body)

    def ask(self, method: str, path: str, body: bytes = b"", **more: Any) -> Reply:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.server.ask(method, path, body, headers=headers, **more)

    def experiment(self, name: str) -> str:
        made = self.post("experiments/create", name=name)
        assert made.status == 200, made
        return str(made.json["experiment_id"])

    def run(self, experiment_id: str) -> str:
        made = self.post("runs/create", experiment_id=experiment_id, start_time=1)
        assert made.status == 200, made
        return str(made.json["run"]["info"]["run_id"])


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
