"""Published ways to the files and the network of a server's machine, tried on this one: paths, links, sources, URLs.

Of the same classes elsewhere: webhooks' addresses in tests/core/registry, pickles and archives in tests/core/models and
tests/core/projects.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from asking import Reply
from knocking import Knocking, Who

from stageline.workspace import Workspace

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
SECRET = b"the secret of this machine"


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        yield knocking


@pytest.fixture
def root(server: Knocking) -> Who:
    return server.who("admin", name="root")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the store."""
    path = tmp_path / "secret.txt"
    path.write_bytes(SECRET)
    return path


def unharmed(reply: Reply, secret: Path) -> None:
    assert SECRET not in reply.content, reply
    assert reply.status < 500, reply
    assert str(secret.parent).encode() not in reply.content, reply
    assert secret.read_bytes() == SECRET


# -- 1. paths ---------------------------------------------------------------------------------------------

UP = [
    "../secret.txt", "../../../../secret.txt", "..%2fsecret.txt", "..%252f..%252fsecret.txt", "%2e%2e/secret.txt",
    "a/../../../../../secret.txt",
    "..\\secret.txt", "..%5csecret.txt", "..%255csecret.txt", "/etc/passwd", "//etc/passwd", "%2fetc/passwd",
    "C:\\x", "C:/x", "file:///etc/passwd",
    "a\x00b", "a%00b", "....//....//secret.txt", "..;/secret.txt", ".", "..", "a/./b/../../..",
    "\u2025/secret.txt", "..%c0%afsecret.txt",
    "%u002e%u002e/secret.txt", "\uff0e\uff0e/secret.txt", "a//b", "~/secret.txt", "x/..",
]  # fmt: skip


@pytest.mark.parametrize("path", UP)
def test_no_path_leads_out_of_a_runs_files(
    root: Who, secret: Path, workspace: Workspace, path: str
) -> None:
    run_id = root.run("0")
    for base in (f"0/{run_id}/artifacts", f"0/{run_id}", "0", f"0/models/m-{'0' * 32}/artifacts"):
        for spelt in (path, quote(path, safe="/%"), quote(path, safe="")):
            for method in ("GET", "PUT", "DELETE"):
                reply = root.ask(method, f"{ARTIFACTS}/{base}/{spelt}", b"harm")
                unharmed(reply, secret)
                assert reply.status in (200, 400, 404), reply
    for reply in (
        root.ask("GET", ARTIFACTS, query={"path": f"0/{run_id}/artifacts/{path}"}),
        root.ask("GET", ARTIFACTS, query={"path": path}),
        root.ask("GET", "/get-artifact", query={"run_id": run_id, "path": path}),
        root.ask("GET", "/get-artifact", query={"run_id": path, "path": "x"}),
        root.get("artifacts/list", run_id=run_id, path=path),
        root.get("artifacts/list", run_id=path),
    ):
        unharmed(reply, secret)
    inside = Path(workspace.store.url) / "runs" / run_id / "artifacts"
    for found in secret.parent.rglob(
        "*"
    ):  # what was written, if anything, lies among the run's files
        if found.is_file() and found.read_bytes() == b"harm":
            assert inside in found.parents, found


def test_ids_are_no_paths(root: Who, secret: Path) -> None:
    for path in UP:
        for reply in (
            root.get("runs/get", run_id=path), root.get("experiments/get", experiment_id=path),
            root.post("runs/create", experiment_id=path),
            root.post("runs/log-metric", run_id=path, key="m", value=1, timestamp=1),
            root.get(f"logged-models/{quote(path, safe='')}"), root.post("logged-models", experiment_id=path, name="x"),
            root.get("registered-models/get", name=path), root.get("model-versions/get", name="x", version=path),
            root.get(f"webhooks/{quote(path, safe='')}"), root.get("registered-models/alias", name="x", alias=path),
            root.ask("GET", f"/api/stageline/1/models/{quote(path, safe='')}"),
            root.ask("GET", f"/api/stageline/1/runs/{quote(path, safe='')}"),
        ):  # fmt: skip
            unharmed(reply, secret)


def test_names_may_be_paths_and_lead_nowhere(root: Who, secret: Path, workspace: Workspace) -> None:
    for name in ("../../secret.txt", "..", "a/../../b", "%2e%2e", "C:\\x", ".hidden"):
        unharmed(root.post("experiments/create", name=name), secret)
        unharmed(root.post("registered-models/create", name=name), secret)
        unharmed(root.post("runs/set-tag", run_id=root.run("0"), key=name, value="x"), secret)
    store = Path(workspace.store.url)
    assert {one.name for one in store.parent.iterdir()} <= {"store", "cache", "secret.txt"}


def test_links_are_not_followed(root: Who, secret: Path, workspace: Workspace) -> None:
    run_id = root.run("0")
    base = f"{ARTIFACTS}/0/{run_id}/artifacts"
    assert root.ask("PUT", f"{base}/a/plain.txt", b"x").status == 200
    folder = Path(workspace.store.url) / "runs" / run_id / "artifacts"
    (folder / "link.txt").symlink_to(secret)
    (folder / "out").symlink_to(secret.parent)
    for path in ("link.txt", "out/secret.txt"):
        for method in ("GET", "PUT", "DELETE"):
            unharmed(root.ask(method, f"{base}/{path}", b"harm"), secret)
    listed = root.ask("GET", ARTIFACTS, query={"path": f"0/{run_id}/artifacts/out"})
    assert "secret.txt" not in listed.content.decode()


# -- 1, 3, 11. sources and places of models ---------------------------------------------------------------

SOURCES = [
    "file:///etc/passwd", "file:/etc/passwd", "FILE:///etc/passwd", "file://localhost/etc", "/etc/passwd",
    "//etc/passwd", "etc/passwd",
    "file:///etc#/../models", "http:///../../etc", "mlflow-artifacts:/../../etc", "mlflow-artifacts:/0/../../etc",
    "s3://b/m/../../x", "s3://b/m?x=/../..", "s3://b/m#x/../../etc", "s3://b/%2e%2e/x", "runs:/../../etc",
    "runs:/x/../../../etc", "models:/../x",
    "dbfs:/x/../../etc", "\\\\host\\share", "C:\\Windows", "ftp://127.0.0.1/x", "http://169.254.169.254/latest",
    "gopher://x", "data:text/plain,x",
    "local-file:/etc", "mlflow-artifacts://host:1/0/x", "file%3a///etc", " file:///etc/passwd", "fi\tle:///etc",
    "jar:file:///x", "memory://x/../y",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_source_of_a_version_opens_no_file_of_this_machine(
    server: Knocking, root: Who, secret: Path, source: str
) -> None:
    root.post("registered-models/create", name="m")
    made = root.post("model-versions/create", name="m", source=source)
    unharmed(made, secret)
    if made.status == 200:  # a place elsewhere is an address, and nobody here opens it
        for path in ("MLmodel", "passwd", "../passwd", "", "."):
            query = {"name": "m", "version": "1", "path": path}
            reply = root.ask("GET", "/model-versions/get-artifact", query=query)
            assert reply.status in (400, 404), reply
            unharmed(reply, secret)
    for local in ("file:", "/", "\\", "c:"):
        if source.lower().startswith(local):
            assert made.status == 400, made
    writer = server.who("write", models=["m"], experiments=["none"])
    refused = writer.post("model-versions/create", name="m", source=source)
    assert refused.status in (400, 403, 404), refused


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc",
        "/etc",
        "..",
        "s3://b/../x",
        "s3://b?x",
        "s3://b#/etc",
        "http://169.254.169.254/",
    ],
)
def test_place_of_an_experiments_files_is_not_where_the_server_writes(
    root: Who, secret: Path, workspace: Workspace, location: str
) -> None:
    made = root.post("experiments/create", name="x", artifact_location=location)
    unharmed(made, secret)
    if made.status == 200:
        experiment_id = made.json["experiment_id"]
        run_id = root.run(experiment_id)
        path = f"{ARTIFACTS}/{experiment_id}/{run_id}/artifacts/f.txt"
        assert root.ask("PUT", path, b"x").status == 200
        assert (
            Path(workspace.store.url) / "runs" / run_id / "artifacts" / "f.txt"
        ).read_bytes() == b"x"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/x",
    "https://[::1]/x", "https://2130706433/x",
     "https://0x7f.1/x", "https://[::ffff:169.254.169.254]/x", "file:///etc/passwd",
     "https://user:pw@example.com/", "https://example.com:22/",
     "https://10.0.0.1/x", "gopher://x/", "https://example.com#@127.0.0.1/", "https://127.0.0.1.:443/x",
     "//127.0.0.1/x", "https://0/x"],
)  # fmt: skip
def test_webhook_is_sent_to_no_address_of_ours(root: Who, url: str) -> None:
    event = {"entity": "MODEL_VERSION", "action": "CREATED"}
    made = root.post("webhooks", name="w", url=url, events=[event])
    if (
        made.status == 200
    ):  # a name is asked for when something is sent: to which address, is looked at then
        webhook_id = made.json["webhook"]["webhook_id"]
        told = root.post(f"webhooks/{webhook_id}/test")
        assert not told.json.get("result", {}).get("success"), told
    else:
        assert made.status == 400, made
