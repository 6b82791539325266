"""What may come over a wire: bodies that lie about their length, and no HTTP at all. One real server takes it all."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from served import Served

pytestmark = pytest.mark.slow

LIMIT = 1000
HEAD = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
BODY = json.dumps({"inputs": [0]})


@pytest.fixture(scope="module")
def served(answering: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    options = ["--max-bytes", str(LIMIT), "--allowed-host", "scoring.example.com"]
    with Served(answering, tmp_path_factory.mktemp("wire"), *options).ready() as served:
        yield served
        assert served.predict().status == 200, "after all that"
        assert served.end() == 0
        assert "Traceback" not in served.text, served.text


def statuses(served: Served, *parts: str | bytes, gives_up: bool = False) -> list[int]:
    """The statuses of all answers to what is sent as it stands, until the server hangs up."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        with suppress(OSError):  # it has heard enough, and hung up
            for part in parts:
                connection.sendall(part.encode() if isinstance(part, str) else part)
            if gives_up:
                connection.shutdown(socket.SHUT_WR)
        data = b""
        with suppress(ConnectionResetError):
            while more := connection.recv(65536):
                data += more
    return [int(one.split()[0]) for one in data.split(b"HTTP/1.1 ")[1:]]


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


def test_length_over_the_limit_is_refused_before_the_body_comes(served: Served) -> None:
    assert statuses(served, f"{HEAD}Content-Length: {10**12}\r\n\r\n") == [413]
    assert statuses(served, f"{HEAD}Content-Length: {'9' * 400}\r\n\r\n")[:1] in ([413], [400])


def test_chunks_over_the_limit_are_refused_as_they_come(served: Served) -> None:
    endless = [chunk("x" * 100)] * 200
    assert statuses(served, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", *endless)[:1] == [413]
    small = [chunk(BODY[:5]), chunk(BODY[5:]), chunk("")]
    assert statuses(served, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", *small) == [200]


def test_body_longer_than_its_length_is_no_part_of_it(served: Served) -> None:
    said = f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n"
    assert set(statuses(served, said, BODY, "x" * 5000)) <= {200, 400}


def test_body_shorter_than_its_length_is_never_predicted_on(served: Served) -> None:
    assert (
        statuses(served, f"{HEAD}Content-Length: {len(BODY) + 50}\r\n\r\n", BODY, gives_up=True)
        == []
    )


def test_two_lengths_are_one_too_many(served: Served) -> None:
    both = f"{HEAD}Content-Length: {len(BODY)}\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert 200 not in statuses(served, both, chunk("x"), chunk(""), gives_up=True)
    twice = f"{HEAD}Content-Length: {len(BODY)}\r\nContent-Length: 5\r\n\r\n"
    assert 200 not in statuses(served, twice, BODY, gives_up=True)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 1000, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HELO there\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET " + b"/" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["zeros", "half a line", "TLS", "SMTP", "a long header", "a long path", "a chunk of no length"],
)  # fmt: skip
def test_what_is_no_request_is_a_clients_mistake(served: Served, garbage: bytes) -> None:
    assert all(400 <= status < 500 for status in statuses(served, garbage, gives_up=True))


def test_host_is_looked_at_on_the_wire(served: Served) -> None:
    for host, status in {"evil.com": 403, "scoring.example.com": 200, "localhost:80": 200}.items():
        lines = f"GET /ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        assert statuses(served, lines) == [status]
    twice = "GET /ping HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\nConnection: close\r\n\r\n"
    assert statuses(served, twice) in ([403], [400])


def test_every_content_type_is_answered(served: Served) -> None:
    for kind, body, wanted in [
        ("application/json", BODY, 200), ("application/json; charset=utf-8", BODY, 200), ("text/csv", "a\n0\n", 200),
        ("application/json; charset=latin-1", BODY, 415), ("text/plain", BODY, 415), ("application/json", "{", 400),
    ]:  # fmt: skip
        head = HEAD.replace("application/json", kind)
        said = f"{head}Content-Length: {len(body)}\r\n\r\n"
        assert statuses(served, said, body) == [wanted], kind
    untyped = HEAD.rpartition("Content-Type")[0]
    assert statuses(served, f"{untyped}Content-Length: {len(BODY)}\r\n\r\n", BODY) == [415]
