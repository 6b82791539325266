"""`stageline server --auth` as a process, and its tokens by the command that makes them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from processes import WITHIN_S, until
from running import Running

LOOK = "/api/2.0/mlflow/experiments/get?experiment_id=0"


def command(store: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    stageline = str(Path(sys.executable).with_name("stageline"))
    return subprocess.run(
        [stageline, "--store", str(store), "--json", "server", *words],
        capture_output=True, text=True, timeout=WITHIN_S, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def asked(port: int, path: str = LOOK, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def raw(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as line:
        line.sendall(text)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65_536), b""))


def test_token_lets_in_until_it_is_revoked(tmp_path: Path) -> None:
    store = tmp_path / "store"
    made = json.loads(
        command(store, "tokens", "create", "ann", "-r", "write", "--days", "1").stdout
    )
    bearer = {"Authorization": f"Bearer {made['token']}"}
    with Running(str(store), tmp_path / "one", "--auth", "--workers", "2") as one:
        assert asked(one.port)[0] == 401
        assert asked(one.port, "/health")[0] == 200
        assert asked(one.port, **bearer)[0] == 200
        shown = json.loads(command(store, "tokens", "list").stdout)["tokens"]
        assert [(each["token_id"], each["status"]) for each in shown] == [
            (made["token_id"], "active")
        ]
        assert command(store, "tokens", "revoke", made["token_id"]).returncode == 0
        until(
            lambda: asked(one.port, **bearer)[0] == 401,
            "the server sees that the token was revoked",
        )
        secret = made["token"].split("_", 2)[2]
        assert secret not in one.text
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_no_line_of_a_request_goes_past_the_sign_in(tmp_path: Path) -> None:
    with Running(str(tmp_path / "store"), tmp_path / "one", "--auth") as one:
        path = LOOK.encode()
        lines = (
            b"GET http://127.0.0.1/health%s HTTP/1.1",
            b"GET http://x%s HTTP/1.1",
            b"GET //health/..%s HTTP/1.1",
            b"GET /health?%s HTTP/1.1\r\nX-Original-URL: /",
            b"GET /health#%s HTTP/1.1",
            b"GET %s HTTP/1.0",
            b"GET /health/%%2e%%2e%s HTTP/1.1",
            b"GET /%%2f%s HTTP/1.1",
            b"GET %s HTTP/0.9",
            b"CONNECT x:1%s HTTP/1.1",
            b"POST /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nX: %s",
        )
        for template in lines:
            line = template % path
            answer = raw(one.port, line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert b"lifecycle_stage" not in answer, (line, answer)
            assert b" 500 " not in answer.partition(b"\r\n")[0], (line, answer)


def test_server_for_other_machines_has_to_be_told_who_may_come(tmp_path: Path) -> None:
    refused = command(tmp_path / "store", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 2
    assert "--auth" in refused.stdout + refused.stderr
    assert command(tmp_path / "store", "--no-auth", "--rate", "5").returncode == 2
    short = command(tmp_path / "store", "--auth", STAGELINE_SESSION_KEY="short")
    assert short.returncode == 2
    assert "STAGELINE_SESSION_KEY" in short.stdout + short.stderr
