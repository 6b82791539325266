"""`stageline ui` as a process: pages and MLflow's protocol at one address, below a prefix."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import WITHIN_S
from running import API, Running


def asked(port: int, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    connection.request("GET", path, headers={"Accept": "text/html", **headers})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_pages_and_protocol_lie_below_the_prefix(tmp_path: Path) -> None:
    options = (
        "--prefix",
        "/ml/",
        "--frame-ancestor",
        "https://airflow.example.org",
        "--frame-ancestor",
        "self",
    )
    with Running(str(tmp_path / "store"), tmp_path, *options, command="ui") as server:
        answer, content = asked(server.port, "/ml/experiments")
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert policy.endswith("frame-ancestors https://airflow.example.org 'self'")
        links = re.findall(rb'(?:href|src)="(/[^"]*)"', content)
        assert links
        assert all(one.startswith(b"/ml/") for one in links)
        style = next(one for one in links if one.endswith(b"base.css"))
        found, _ = asked(server.port, style.decode(), **{"Accept-Encoding": "gzip"})
        assert found.headers["content-encoding"] == "gzip"
        _, found_runs = asked(server.port, f"/ml{API}experiments/search?max_results=5")
        assert json.loads(found_runs)["experiments"][0]["name"] == "Default"
        assert asked(server.port, "/ml/health")[1] == b"OK"
        assert asked(server.port, "/health")[1] == b"OK"
        assert server.end() == 0


def test_server_without_pages_has_none(tmp_path: Path) -> None:
    with Running(str(tmp_path / "store"), tmp_path) as server:
        assert asked(server.port, "/experiments")[0].status == 404


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--prefix", "ml"), "the prefix 'ml' should be a path"),
        (("--frame-ancestor", "x; script-src *"), "the frame ancestor"),
        (("--host", "0.0.0.0"), "can be reached from other machines"),
    ],
)
def test_options_that_can_not_be_are_refused_before_anything_listens(
    tmp_path: Path, option: tuple[str, str], told: str
) -> None:
    stageline = str(Path(sys.executable).with_name("stageline"))
    done = subprocess.run(
        [stageline, "--store", str(tmp_path / "store"), "ui", "--port", "0", *option],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        env={**os.environ, "STAGELINE_CACHE": str(tmp_path / "cache")},
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "store").exists()
