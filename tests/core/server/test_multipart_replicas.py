"""A file in parts, over sockets: begun at one server, sent to both, one of them killed, completed at the other."""

from __future__ import annotations

import hashlib
import http.client
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from processes import WITHIN_S
from running import Running
from servers import S3Server

from stageline.storage import layout
from stageline.workspace import Workspace

MPU = "/api/2.0/mlflow-artifacts/mpu/"
PARTS = [bytes([number]) * (3 << 20) for number in range(4)]


def put(port: int, url: str, headers: dict[str, str], data: bytes) -> str:
    """The etag of a part that was taken."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    connection.request("PUT", urlsplit(url).path, data, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content
    return answer.headers["ETag"]


def sent_to_two(store: str, tmp_path: Path, environment: dict[str, str]) -> str:
    """The run to which the file went."""
    with ExitStack() as running:
        first, second = (
            running.enter_context(Running(store, tmp_path / name, **environment)) for name in "ab"
        )
        run_id = first.client().run()
        place = f"0/{run_id}/artifacts/models"

        def step(server: Running, name: str, **more: Any) -> Any:
            status, answer = server.client().ask("POST", f"{MPU}{name}/{place}", more)
            assert status == 200, answer
            return answer

        given = step(first, "create", path="/x/weights.bin", num_parts=len(PARTS))
        told = []
        for number, (one, data) in enumerate(zip(given["credentials"], PARTS, strict=True)):
            assert one["url"].startswith(f"http://127.0.0.1:{first.port}/")
            to = (first, second)[number % 2]
            etag = put(to.port, one["url"], one["headers"], data)
            told.append({"part_number": one["part_number"], "etag": etag})
        first.die()
        ask = {"path": "/x/weights.bin", "upload_id": given["upload_id"], "parts": told}
        step(second, "complete", **ask)
        step(second, "complete", **ask)  # as a client does that missed the answer
        assert second.end() == 0
        for log in (first.text, second.text):
            assert given["credentials"][0]["headers"]["x-stageline-upload"] not in log
            assert "Traceback" not in log
    return run_id


def check(workspace: Workspace, run_id: str) -> None:
    whole = b"".join(PARTS)
    assert workspace.artifacts(run_id).read("models/weights.bin") == whole
    noted = workspace.runs.files(run_id)["models/weights.bin"]
    assert (noted.sha256, noted.size) == (hashlib.sha256(whole).hexdigest(), len(whole))
    left = [entry.key for entry in workspace.store.list(layout.UPLOADS)]
    assert sorted(key.rpartition("/")[2] for key in left) == ["done.json", "made.json"]
    assert "weights.bin" in json.dumps(workspace.store.read(left[1]).decode())


def test_either_of_two_servers_takes_parts_and_completes(tmp_path: Path) -> None:
    run_id = sent_to_two(str(tmp_path / "store"), tmp_path, {})
    check(Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache")), run_id)


@pytest.mark.slow
def test_either_of_two_servers_of_a_bucket_does(tmp_path: Path, seaweedfs_server: S3Server) -> None:
    url = seaweedfs_server.new_bucket()
    run_id = sent_to_two(url, tmp_path, seaweedfs_server.environment())
    found = Workspace.open(
        url, storage_options=seaweedfs_server.options, cache=str(tmp_path / "cache")
    )
    check(found, run_id)
