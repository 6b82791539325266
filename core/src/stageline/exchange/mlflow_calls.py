"""Requests to a server that speaks MLflow's protocol: by the standard library, tried again where that can help."""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from stageline.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StagelineError,
    StorageFailed,
    Unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT_S = 60
TRIES = 5
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_KINDS: dict[int, type[StagelineError]] = {
    401: Unauthorized,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
}


class MlflowCalls:
    """One server. Credentials are those of the URL, or of MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url.rstrip("/"))
        host = parts.hostname or ""
        if not host:
            raise InvalidInput(
                f"{url!r} names no host: expected such as https://mlflow.example.com"
            )
        place = f"[{host}]" if ":" in host else host
        netloc = f"{place}:{parts.port}" if parts.port else place
        self.label = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
        """The server's URL, without credentials."""
        self._headers = _credentials(parts.username, parts.password)

    def get(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question."""
        return self._json("GET", f"/api/2.0/mlflow/{path}?{urlencode(asked, doseq=True)}", None)

    def post(self, path: str, body: Mapping[str, Any], *, again: bool = True) -> dict[str, Any]:
        """The answer to a command; `again=False` for one that must not be given twice."""
        return self._json("POST", f"/api/2.0/mlflow/{path}", body, again=again)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The same for a change."""
        return self._json("PATCH", f"/api/2.0/mlflow/{path}", body)

    def pages(
        self, path: str, asked: Mapping[str, Any], listed: str, *, get: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Everything that a search finds, page by page."""
        token = None
        while True:
            question = {**asked, **({"page_token": token} if token else {})}
            answer = self.get(path, question) if get else self.post(path, question)
            yield from answer.get(listed, ())
            token = answer.get("next_page_token")
            if not token:
                return

    def list_artifacts(self, path: str) -> list[dict[str, Any]]:
        """What lies in a folder of the server's own store of artifacts."""
        answer = self._json(
            "GET", f"/api/2.0/mlflow-artifacts/artifacts?{urlencode({'path': path})}", None
        )
        files: list[dict[str, Any]] = answer.get("files", [])
        return files

    def fetch_artifact(self, path: str, target: Path) -> None:
        """Fetch a file of it."""
        request = self._request("GET", f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}", None)
        with self._send(request, again=True) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)

    def put_artifact(self, path: str, file: Path) -> None:
        """Send a file to it."""
        with file.open("rb") as data:
            request = self._request(
                "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}", None
            )
            request.data = data
            request.add_header("Content-Length", str(file.stat().st_size))
            request.add_header("Content-Type", "application/octet-stream")
            self._send(request, again=False).close()

    def _json(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, again: bool = True
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with self._send(self._request(method, path, data), again=again) as answer:
            text = answer.read()
        try:
            read = json.loads(text or b"{}")
        except ValueError as error:
            raise InvalidInput(
                f"{self.label} is no MLflow server: {path} answered {text[:60]!r}"
            ) from error
        return read if isinstance(read, dict) else {}

    def _request(self, method: str, path: str, data: bytes | None) -> urllib.request.Request:
        request = urllib.request.Request(self.label + path, data, self._headers, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        return request

    def _send(self, request: urllib.request.Request, *, again: bool) -> Any:
        for turn in range(TRIES if again else 1):
            is_last = not again or turn == TRIES - 1
            try:
                return urllib.request.urlopen(request, timeout=TIMEOUT_S)
            except urllib.error.HTTPError as error:
                if error.code not in _AGAIN or is_last:
                    raise self._told(request, error) from error
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                if is_last:
                    raise StorageFailed(
                        f"{self.label} does not answer: {error}. Is the server running?"
                    ) from error
            time.sleep(min(0.2 * 2**turn, 5.0))
        raise AssertionError("unreachable")

    def _told(
        self, request: urllib.request.Request, error: urllib.error.HTTPError
    ) -> StagelineError:
        text = error.read(4096).decode(errors="replace")
        try:
            said = json.loads(text)
            message, code = str(said.get("message", text)), said.get("error_code")
        except (ValueError, AttributeError):
            message, code = text, None
        place = request.full_url.removeprefix(self.label).partition("?")[0]
        what = (
            f"{self.label} answered {error.code} to {request.get_method()} {place}: {message[:500]}"
        )
        if code == "RESOURCE_ALREADY_EXISTS":
            return AlreadyExists(what)
        kind = _KINDS.get(error.code, InvalidInput if error.code < 500 else StorageFailed)
        if kind is Unauthorized:
            what += ". Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        return kind(what)


def _credentials(user: str | None, password: str | None) -> dict[str, str]:
    name = unquote(user) if user else os.environ.get("MLFLOW_TRACKING_USERNAME")
    secret = unquote(password) if password else os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if name:
        return {"Authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}
