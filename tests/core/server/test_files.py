"""Files through the server: in, out, in part, and never from anywhere but under a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from asking import Asked, Reply

from stageline.server.options import Limits, Options
from stageline.workspace import Workspace

BASE = "/api/2.0/mlflow-artifacts/artifacts"


def url(run_id: str, path: str) -> str:
    return f"{BASE}/0/{run_id}/artifacts/{path}"


def put(server: Asked, run_id: str, path: str, data: bytes) -> Reply:
    reply = server.ask("PUT", url(run_id, path), data, headers={"content-type": "text/plain"})
    assert reply.status == 200, reply
    return reply


def test_file_is_stored_checked_and_handed_out_as_an_attachment(
    server: Asked, workspace: Workspace
) -> None:
    run_id = server.run()
    put(server, run_id, "d/x%20%C3%BC.html", b"<b>hello")
    reply = server.ask("GET", url(run_id, "d/x ü.html"))
    assert (reply.status, reply.content) == (200, b"<b>hello")
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''x%20%C3%BC.html"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in reply.headers["content-security-policy"]
    assert workspace.runs.files(run_id)["d/x ü.html"].size == 8
    assert workspace.artifacts(run_id).read("d/x ü.html") == b"<b>hello"


def test_large_file_arrives_in_parts(server: Asked, workspace: Workspace, tmp_path: Path) -> None:
    run_id = server.run()
    data = os.urandom(5 << 20)
    parts = [data[at : at + 300_000] for at in range(0, len(data), 300_000)]
    assert server.ask("PUT", url(run_id, "large.bin"), parts).status == 200
    assert server.ask("GET", url(run_id, "large.bin")).content == data
    assert workspace.artifacts(run_id).read("large.bin") == data  # checked against its digest


@pytest.mark.parametrize(
    ("asked", "expected", "told"),
    [
        ("bytes=2-3", b"23", "bytes 2-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_part_of_a_file_is_handed_out(
    server: Asked, asked: str, expected: bytes, told: str
) -> None:
    run_id = server.run()
    put(server, run_id, "f", b"0123456789")
    reply = server.ask("GET", url(run_id, "f"), headers={"range": asked})
    assert (reply.status, reply.content) == (206, expected)
    assert reply.headers["content-range"] == told


def test_range_beyond_the_end_is_416_and_a_strange_one_is_passed_over(server: Asked) -> None:
    run_id = server.run()
    put(server, run_id, "f", b"0123456789")
    assert server.ask("GET", url(run_id, "f"), headers={"range": "bytes=10-"}).status == 416
    for strange in ("bytes=1-2,4-5", "lines=1-2", "bytes=5-2", "bytes=-"):
        assert server.ask("GET", url(run_id, "f"), headers={"range": strange}).status == 200


def test_folder_and_missing_file_are_404(server: Asked) -> None:
    run_id = server.run()
    put(server, run_id, "d/f", b"x")
    for path in ("d", "d/", "e", "d/f/g"):
        assert server.ask("GET", url(run_id, path)).status == 404


def test_folders_are_listed_by_names(server: Asked) -> None:
    run_id = server.run()
    put(server, run_id, "d/e/f", b"x")
    put(server, run_id, "d/g", b"xyz")

    def listed(path: str) -> object:
        return server.ask("GET", BASE, query={"path": path}).json

    root = f"0/{run_id}/artifacts"
    assert listed(root) == {"files": [{"path": "d", "is_dir": True}]}
    assert listed(f"{root}/d") == {
        "files": [
            {"path": "e", "is_dir": True},
            {"path": "g", "is_dir": False, "file_size": 3},
        ]
    }
    assert listed(f"{root}/d/g") == listed(f"{root}/z") == listed("0") == {}
    told = server.get("artifacts/list", run_id=run_id, path="d").json
    assert [one["path"] for one in told["files"]] == ["d/e", "d/g"]
    assert told["root_uri"] == f"mlflow-artifacts:/{root}"


def test_file_is_deleted(server: Asked) -> None:
    run_id = server.run()
    put(server, run_id, "d/f", b"x")
    assert server.ask("DELETE", url(run_id, "d/f")).status == 200
    assert server.ask("GET", url(run_id, "d/f")).status == 404
    assert server.ask("DELETE", url(run_id, "d/f")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../../log/start.json",
        "..%2f..%2flog%2fstart.json",
        "%252e%252e/%252e%252e/log/start.json",
        "a/..%5c..%5cx",
        "/etc/passwd",
        "C:/x",
        "a//b",
        "a/./b",
        "a%00b",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_path_out_of_the_run_is_400(server: Asked, method: str, path: str) -> None:
    run_id = server.run()
    reply = server.ask(method, url(run_id, path), b"x")
    assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE")
    listed = server.get("artifacts/list", run_id=run_id, path=path)
    assert listed.status in (200, 400)
    assert listed.json.get("files", []) == []


def test_link_in_the_store_is_not_followed(
    server: Asked, workspace: Workspace, tmp_path: Path
) -> None:
    run_id = server.run()
    put(server, run_id, "d/f", b"x")
    secret = tmp_path / "secret"
    secret.write_text("s")
    root = Path(workspace.runs.artifact_uri(run_id))
    (root / "d" / "link").symlink_to(secret)
    (root / "out").symlink_to(tmp_path)
    for path in ("d/link", "out/secret"):
        assert server.ask("GET", url(run_id, path)).status in (403, 404)
    assert server.ask("PUT", url(run_id, "out/new"), b"x").status == 403
    assert not (tmp_path / "new").exists()


def test_run_of_another_experiment_is_not_reached_through_this_one(server: Asked) -> None:
    run_id = server.run()
    made = server.made("experiments/create", name="mine")["experiment_id"]
    put(server, run_id, "f", b"x")
    reply = server.ask("GET", f"{BASE}/{made}/{run_id}/artifacts/f")
    assert reply.status == 404


def test_file_that_is_too_long_leaves_nothing(workspace: Workspace) -> None:
    options = Options(limits=Limits(max_artifact_bytes=1000))
    with Asked(workspace, options) as server:
        run_id = server.run()
        reply = server.ask("PUT", url(run_id, "f"), [b"x" * 600, b"x" * 600])
        assert reply.status == 413
        assert reply.headers["connection"] == "close"
        assert server.ask("GET", url(run_id, "f")).status == 404


def test_page_of_mlflow_downloads_a_file(server: Asked) -> None:
    run_id = server.run()
    put(server, run_id, "f", b"x")
    query = {"run_uuid": run_id, "path": "f"}
    assert server.ask("GET", "/get-artifact", query=query).content == b"x"
    assert server.ask("GET", "/get-artifact", query={**query, "path": "../f"}).status == 400


def test_clients_may_be_sent_to_the_store_itself(workspace: Workspace) -> None:
    with Asked(workspace, Options(artifacts="direct")) as server:
        run_id = server.run()
        told = server.found(run_id)["info"]["artifact_uri"]
        assert told == workspace.runs.artifact_uri(run_id)
        assert server.ask("GET", url(run_id, "f")).status == 404
        info = server.ask("GET", "/api/3.0/mlflow/server-info").json
        assert info["artifact_serving_enabled"] is False
