"""What lies at a URL, told from what lay there before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stageline import Workspace
from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.projects.downloads import Downloads
from stageline.projects.steps.versions import NO_VERSION, Versions
from stageline.storage.open import open_store

Digest = Callable[[str], str]


@pytest.fixture
def digest(workspace: Workspace) -> Digest:
    def fetch_model(uri: str, folder: Path) -> Path:
        (folder / "MLmodel").write_text(uri)
        return folder

    downloads = Downloads(workspace.artifacts, fetch_model, lambda protocol: {})
    return Versions(workspace.artifacts, downloads, lambda protocol: {}).digest


class Web(ThreadingHTTPServer):
    """Answers HEAD alone; `answers` is a status and headers by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, dict[str, str]]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        status, headers = self.server.answers.get(self.path.partition("?")[0], (404, {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_web_server_tells_by_etag_or_date(web: Web, digest: Digest) -> None:
    web.answers["/a"] = (200, {"ETag": '"1"', "Content-Length": "3"})
    web.answers["/b"] = (200, {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})
    first = [digest(f"{web.url}/{name}") for name in "ab"]
    assert [digest(f"{web.url}/{name}") for name in "ab"] == first
    web.answers["/a"] = (200, {"ETag": '"2"', "Content-Length": "3"})
    web.answers["/b"] = (200, {"Last-Modified": "Mon, 01 Jan 2024 00:00:01 GMT"})
    second = [digest(f"{web.url}/{name}") for name in "ab"]
    assert not set(first) & set(second)


@pytest.mark.parametrize("answer", [(200, {}), (405, {}), (501, {})])
def test_web_server_that_tells_nothing_is_never_the_same(
    web: Web, digest: Digest, answer: tuple[int, dict[str, str]]
) -> None:
    web.answers["/a"] = answer
    first, second = digest(f"{web.url}/a"), digest(f"{web.url}/a")
    assert first != second
    assert first.startswith(NO_VERSION)


def test_web_server_without_the_file_or_without_an_answer_is_told(web: Web, digest: Digest) -> None:
    with pytest.raises(NotFound, match="there is nothing at http"):
        digest(f"{web.url}/gone")
    web.answers["/a"] = (503, {})
    with pytest.raises(StorageFailed, match=r"/a answers 503") as caught:
        digest(f"{web.url}/a?sig=hush")
    assert "hush" not in str(caught.value)
    url = web.url
    web.shutdown()
    web.server_close()
    with pytest.raises(StorageFailed, match="can not be looked at"):
        digest(f"{url}/a")


def test_files_of_a_run_count_by_their_content(workspace: Workspace, digest: Digest) -> None:
    found = []
    for text in ("1", "1", "2"):
        with workspace.runs.create() as run:
            workspace.artifacts(run.run_id).log_text(text, "data/a.txt")
        found.append((run.run_id, digest(f"runs:/{run.run_id}/data/a.txt")))
    assert found[0][1] == found[1][1] != found[2][1]
    with pytest.raises(NotFound, match="there is nothing at runs:/"):
        digest(f"runs:/{found[0][0]}/gone.txt")
    with pytest.raises(InvalidInput, match="names no file"):
        digest(f"runs:/{found[0][0]}")


def test_models_files_and_folders_count_by_their_content(digest: Digest, tmp_path: Path) -> None:
    assert digest("models:/wine/1") == digest("models:/wine/1") != digest("models:/wine/2")
    (tmp_path / "a").write_text("1")
    before = digest(tmp_path.as_uri()), digest(str(tmp_path / "a"))
    assert (digest(tmp_path.as_uri()), digest(str(tmp_path / "a"))) == before
    (tmp_path / "b").touch()
    assert digest(tmp_path.as_uri()) != before[0]
    with pytest.raises(NotFound):
        digest(str(tmp_path / "gone"))


def test_store_tells_by_size_and_time_of_a_file_and_of_a_folder(digest: Digest) -> None:
    store = open_store("memory://bucket-of-versions")
    store.replace("a.csv", b"1")
    store.replace("data/b.csv", b"1")
    file, folder = (
        digest("memory://bucket-of-versions/a.csv"),
        digest("memory://bucket-of-versions/data"),
    )
    assert digest("memory://bucket-of-versions/a.csv") == file
    store.replace("a.csv", b"22")
    store.replace("data/c.csv", b"1")
    assert digest("memory://bucket-of-versions/a.csv") != file
    assert digest("memory://bucket-of-versions/data/") != folder
    with pytest.raises(NotFound, match="neither a file nor a folder"):
        digest("memory://bucket-of-versions/gone")
    with pytest.raises(InvalidInput, match="names no file or folder"):
        digest("memory://bucket-of-versions")
