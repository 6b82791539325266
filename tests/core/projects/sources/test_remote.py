"""Projects on a store and behind a web server; and how a URI is read."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from archives import Entry, make_archive
from servers import S3Server

from stageline.errors import InvalidInput, NotFound, StorageFailed, Unauthorized
from stageline.projects.sources.address import Kind, parse_address
from stageline.projects.sources.fetch import fetch
from stageline.storage.open import open_store


def test_an_archive_on_seaweedfs_is_a_project(
    seaweedfs_server: S3Server, tmp_path: Path, cache: Path
) -> None:
    place, options = seaweedfs_server.new_place(), seaweedfs_server.options
    for name in ("p.zip", "p.tar.gz"):
        archive = make_archive(
            tmp_path / name, Entry("top/MLproject", b"a"), Entry("top/say.py", b"b")
        )
        open_store(place, options).replace(name, archive.read_bytes())
        received: list[int] = []
        fetched = fetch(
            f"{place}/{name}", None, cache=cache, say=print, storage_options=options,
            progress=received.append,
        )  # fmt: skip
        assert (fetched.folder / "say.py").read_text() == "b"
        assert sum(received) == archive.stat().st_size
    with pytest.raises(NotFound):
        fetch(f"{place}/none.zip", None, cache=cache, say=print, storage_options=options)


def test_a_folder_on_seaweedfs_is_a_project(seaweedfs_server: S3Server, cache: Path) -> None:
    place, options = seaweedfs_server.new_place(), seaweedfs_server.options
    store = open_store(place, options)
    for key in ("team/MLproject", "team/src/say.py", "other/x"):
        store.replace(key, key.encode())
    fetched = fetch(f"{place}/team", None, cache=cache, say=print, storage_options=options)
    assert (fetched.folder / "src" / "say.py").read_text() == "team/src/say.py"
    inner = fetch(f"{place}#team/src", None, cache=cache, say=print, storage_options=options)
    assert [one.name for one in inner.folder.iterdir()] == ["say.py"]
    with pytest.raises(NotFound, match="nothing is stored there"):
        fetch(f"{place}/none", None, cache=cache, say=print, storage_options=options)


class _Site(SimpleHTTPRequestHandler):
    redirects_to = ""
    seen: ClassVar[list[str | None]]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.redirects_to)
            self.end_headers()
        elif self.path.startswith("/locked/") and not self.headers.get("Authorization"):
            self.send_error(401)
        else:
            self.path = self.path.replace("/locked/", "/")
            super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, type[_Site]]]:
    root = tmp_path / "site"
    root.mkdir()

    class Handler(_Site):
        seen: ClassVar[list[str | None]] = []

        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(root), **kwargs)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_archive_behind_http_is_a_project_and_its_password_goes_nowhere_else(
    site: tuple[str, type[_Site]], tmp_path: Path, cache: Path, said: list[str]
) -> None:
    url, handler = site
    make_archive(tmp_path / "site" / "p.zip", Entry("say.py", b"b"))
    private = url.replace("://", "://ann:p%40ss_secret@")
    fetched = fetch(f"{private}/locked/p.zip?sig=secret", None, cache=cache, say=said.append)
    assert (fetched.folder / "say.py").read_text() == "b"
    assert handler.seen == ["Basic " + base64.b64encode(b"ann:p@ss_secret").decode()]
    assert "secret" not in f"{fetched} {said}"

    handler.seen.clear()
    handler.redirects_to = f"{url}/p.zip"
    fetch(f"{private}/moved/p.zip", None, cache=cache, say=print)
    assert handler.seen[0] is not None
    assert handler.seen[1] is None

    with pytest.raises(Unauthorized, match="answers 401"):
        fetch(f"{url}/locked/p.zip", None, cache=cache, say=print)
    with pytest.raises(NotFound, match="answers 404"):
        fetch(f"{url}/none.zip", None, cache=cache, say=print)
    with pytest.raises(StorageFailed) as refused:
        fetch("http://ann:secret@127.0.0.1:1/p.zip?t=secret", None, cache=cache, say=print)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "kind", "subfolder"),
    [
        ("https://host/team/repo", Kind.GIT, ""),
        ("https://host/team/repo.git#a/b", Kind.GIT, "a/b"),
        ("https://host/x.zip?token=1", Kind.ARCHIVE, ""),
        ("git+https://host/x.zip", Kind.GIT, ""),
        ("git@host:team/repo.git", Kind.GIT, ""),
        ("host.example:team/repo", Kind.GIT, ""),
        ("ssh://git@host:22/team/repo", Kind.GIT, ""),
        ("git://host/repo", Kind.GIT, ""),
        ("git+file:///a/b", Kind.GIT, ""),
        ("s3://bucket/folder", Kind.REMOTE_FOLDER, ""),
        ("s3://bucket/x.TAR.GZ", Kind.ARCHIVE, ""),
        ("gs://bucket/folder#v1.0", Kind.REMOTE_FOLDER, "v1.0"),
        ("./a/b", Kind.FOLDER, ""),
        ("file:///a%20b/c", Kind.FOLDER, ""),
    ],
)
def test_what_a_uri_names(uri: str, kind: Kind, subfolder: str) -> None:
    address = parse_address(uri)
    assert (address.kind, address.subfolder) == (kind, subfolder)


@pytest.mark.parametrize(
    "uri",
    ["", "#a", ".#../b", ".#/etc", "s3://b/x#a/../..", "file://host/a", "zip::s3://b/x.zip", "-x"],
)
def test_a_uri_that_leads_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput):
        parse_address(uri)


def test_a_folder_has_to_be_there(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(NotFound, match="no project at"):
        fetch(str(tmp_path / "none"), None, cache=cache, say=print)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="is no folder"):
        fetch(str(tmp_path / "file"), None, cache=cache, say=print)
    assert fetch(f"file://{tmp_path}", None, cache=cache, say=print).folder == tmp_path
