"""Files go into a store and come back as they were, or not at all."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from pathlib import Path

import pytest
from servers import S3Server

from stageline.errors import Conflict, Corrupt, InvalidInput, NotAllowed, NotFound, StorageFailed
from stageline.storage import transfer
from stageline.storage.keys import TEMPORARY
from stageline.storage.local import LocalStore
from stageline.storage.local_files import files_under
from stageline.storage.memory import MemoryStore
from stageline.storage.parallel import together
from stageline.storage.port import ObjectStore
from stageline.storage.remote import RemoteStore
from stageline.storage.transfer import (
    CHUNK,
    fetch_file,
    hash_file,
    put_bytes,
    put_file,
    put_files,
    put_folder,
    read_checked,
)
from stageline.testing.faulty import Fault, FaultyStore, Plan

SIZES = [0, 1, CHUNK, CHUNK + 1, 5 * CHUNK + 17]


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    return MemoryStore(f"memory://{tmp_path.name}-{os.urandom(4).hex()}")


def written(path: Path, size: int) -> bytes:
    data = os.urandom(size)
    path.write_bytes(data)
    return data


@pytest.mark.parametrize("size", SIZES)
def test_file_comes_back_as_it_was(store: ObjectStore, tmp_path: Path, size: int) -> None:
    data = written(tmp_path / "a", size)
    expected = (hashlib.sha256(data).hexdigest(), size)
    assert put_file(store, tmp_path / "a", "k/a") == expected
    assert hash_file(tmp_path / "a") == expected
    assert read_checked(store, "k/a", expected) == data
    assert fetch_file(store, "k/a", tmp_path / "b", expected) == expected
    assert (tmp_path / "b").read_bytes() == data


@pytest.mark.parametrize("size", SIZES)
def test_progress_adds_up_to_the_size(store: ObjectStore, tmp_path: Path, size: int) -> None:
    written(tmp_path / "a", size)
    sent: list[int] = []
    fetched: list[int] = []
    digest = put_file(store, tmp_path / "a", "a", progress=sent.append)
    fetch_file(store, "a", tmp_path / "b", digest, progress=fetched.append)
    assert sum(sent) == sum(fetched) == size


def test_file_comes_back_from_a_remote_store(tmp_path: Path, moto_server: S3Server) -> None:
    store = RemoteStore(moto_server.new_place(), moto_server.options)
    data = written(tmp_path / "a", 6 * CHUNK + 1)
    digests = put_files(store, {"k/a": tmp_path / "a", "k/b": tmp_path / "a"})
    assert set(digests.values()) == {(hashlib.sha256(data).hexdigest(), len(data))}
    fetch_file(store, "k/b", tmp_path / "b", digests["k/b"])
    assert (tmp_path / "b").read_bytes() == data
    store.replace("k/a", b"other")
    with pytest.raises(Corrupt):
        fetch_file(store, "k/a", tmp_path / "b", digests["k/a"])
    assert (tmp_path / "b").read_bytes() == data


def test_large_file_is_streamed(tmp_path: Path) -> None:
    import tracemalloc

    with open(tmp_path / "large", "wb") as file:
        file.truncate(64 << 20)
    store = LocalStore(tmp_path / "store")
    tracemalloc.start()
    try:
        digest = put_file(store, tmp_path / "large", "large")
        fetch_file(store, "large", tmp_path / "back", digest)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("size", [100, 3 * CHUNK])
def test_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "log", size)
    store = LocalStore(tmp_path / "store")

    def grow(_: object, *__: object) -> None:
        with open(tmp_path / "log", "ab") as log:
            log.write(b"more")

    reads = transfer._read if size <= CHUNK else transfer._read_into

    def read_and_grow(*args):
        grow(None)
        return reads(*args)

    monkeypatch.setattr(transfer, reads.__name__, read_and_grow)
    with pytest.raises(Conflict, match="log changed while it was read"):
        put_file(store, tmp_path / "log", "log")
    assert store.list("") == []
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_other_content_is_corrupt_and_leaves_no_half_file(
    store: ObjectStore, tmp_path: Path
) -> None:
    digest = put_bytes(store, b"x" * (2 * CHUNK), "k")
    store.replace("k", b"y" * (2 * CHUNK))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "k").write_bytes(b"as it was")
    for call in (
        lambda: read_checked(store, "k", digest),
        lambda: fetch_file(store, "k", tmp_path / "out" / "k", digest),
    ):
        with pytest.raises(Corrupt, match=f"k in .* expected {2 * CHUNK} bytes .*{digest[0]}"):
            call()
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir()] == [
        ("k", b"as it was")
    ]


def test_absent_things_are_not_found(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        fetch_file(store, "none", tmp_path / "out", None)
    assert not (tmp_path / "out").exists()
    with pytest.raises(NotFound, match="no file"):
        put_file(store, tmp_path / "none", "k")
    with pytest.raises(NotFound, match="no folder"):
        put_folder(store, tmp_path / "none", "k/")


def test_write_that_fails_leaves_no_half_file(tmp_path: Path) -> None:
    inner = MemoryStore(f"memory://{tmp_path.name}")
    inner.replace("k", b"1")
    store = FaultyStore(inner, plan=Plan(at={1: Fault.LOST_CALL}))
    with pytest.raises(StorageFailed):
        fetch_file(store, "k", tmp_path / "out", None)
    assert list(tmp_path.iterdir()) == []


def test_only_regular_files_are_sent(store: ObjectStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for odd in (tmp_path / "pipe", tmp_path / "folder", Path("/dev/zero")):
        with pytest.raises(InvalidInput, match=f"{odd} is a"):
            put_file(store, odd, "k")
    assert store.list("") == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everybody may read everything")
def test_unreadable_file_is_not_allowed(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "secret").chmod(0)
    with pytest.raises(NotAllowed, match="may not read"):
        put_file(store, tmp_path / "secret", "k")


class TestFilesUnder:
    def test_lists_files_at_any_depth(self, tmp_path: Path) -> None:
        (tmp_path / "d" / "e").mkdir(parents=True)
        for name in ("b", "a", "d/e/.hidden", "d/ä ö"):
            (tmp_path / name).write_text(name)
        assert list(files_under(tmp_path)) == ["a", "b", "d/e/.hidden", "d/ä ö"]

    def test_link_to_a_file_inside_counts_as_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("content")
        (tmp_path / "link").symlink_to("real")
        assert files_under(tmp_path)["link"].read_text() == "content"

    @pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "dir", "gone", "loop"])
    def test_other_links_are_refused(self, tmp_path: Path, target: str) -> None:
        (tmp_path / "outside").write_text("secret")
        folder = tmp_path / "folder"
        (folder / "dir").mkdir(parents=True)
        (folder / "loop").symlink_to(target)
        with pytest.raises(InvalidInput, match=r"is a symbolic link to .*: put a copy there"):
            files_under(folder)

    def test_sibling_with_the_same_beginning_is_outside(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data-private").write_text("secret")
        (tmp_path / "data" / "link").symlink_to("../data-private")
        with pytest.raises(InvalidInput, match="outside"):
            files_under(tmp_path / "data")

    def test_pipes_and_sockets_are_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidInput, match="a device, a pipe or a socket"):
            files_under(tmp_path)
        (tmp_path / "pipe").unlink()
        with socket.socket(socket.AF_UNIX) as server:
            here = os.getcwd()
            os.chdir(tmp_path)  # a socket's path is short
            try:
                server.bind("s")
            finally:
                os.chdir(here)
            with pytest.raises(InvalidInput, match="a device, a pipe or a socket"):
                files_under(tmp_path)

    def test_file_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("")
        with pytest.raises(InvalidInput, match="is not a folder"):
            files_under(tmp_path / "f")


class TestSeveral:
    def test_folder_lies_under_its_prefix(self, store: ObjectStore, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        (folder / "sub").mkdir(parents=True)
        data = {
            f"{d}{n}": written(folder / f"{d}{n}", 10 + n) for d in ("", "sub/") for n in range(9)
        }
        seen: list[int] = []
        digests = put_folder(store, folder, "p/", progress=seen.append)
        assert {key: read_checked(store, key, digests[key]) for key in digests} == {
            f"p/{name}": content for name, content in data.items()
        }
        assert sum(seen) == sum(map(len, data.values()))

    def test_progress_is_told_by_one_thread_at_a_time(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        files = {f"k{n}": tmp_path / f"{n}" for n in range(12)}
        for path in files.values():
            written(path, 2 * CHUNK)
        inside = threading.Lock()
        clashes: list[int] = []

        def progress(count: int) -> None:
            if not inside.acquire(blocking=False):
                clashes.append(count)
                return
            inside.release()

        put_files(store, files, progress=progress)
        assert clashes == []

    def test_first_failure_ends_it(self, tmp_path: Path) -> None:
        store = MemoryStore(f"memory://{tmp_path.name}")
        files = {f"k{n:03d}": tmp_path / f"{n}" for n in range(100)}
        for path in files.values():
            written(path, 1)
        (tmp_path / "3").unlink()
        with pytest.raises(NotFound, match="no file"):
            put_files(store, files)
        assert len(store.list("")) < 99

    def test_files_under_way_are_given_up_after_a_failure(self, tmp_path: Path) -> None:
        store = MemoryStore(f"memory://{tmp_path.name}")
        written(tmp_path / "large", 20 * CHUNK)
        started = threading.Event()
        reported: list[int] = []

        def progress(count: int) -> None:
            reported.append(count)
            started.set()
            raise_at.wait(60)

        raise_at = threading.Event()

        def fail_after_start(item: str) -> None:
            if item == "large":
                put_file(store, tmp_path / "large", "large", progress=told)
            else:
                started.wait(60)
                raise_at.set()
                raise ZeroDivisionError

        stop = threading.Event()
        told = transfer.in_turn(progress, stop)
        with pytest.raises(ZeroDivisionError):
            together(fail_after_start, ["large", "small"], stop=stop)
        assert store.list("") == []

    def test_results_keep_the_order_of_the_items(self) -> None:
        assert together(lambda n: n * n, range(50)) == [n * n for n in range(50)]
        assert together(str, []) == []

    def test_works_where_no_thread_can_start(
        self, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        data = written(tmp_path / "a", 3 * CHUNK)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        digests = put_files(store, {"a": tmp_path / "a", "b": tmp_path / "a"})
        assert digests["a"] == digests["b"] == (hashlib.sha256(data).hexdigest(), len(data))

    def test_no_thread_is_left(self, store: ObjectStore, tmp_path: Path) -> None:
        written(tmp_path / "a", 3 * CHUNK)
        put_files(store, {f"k{n}": tmp_path / "a" for n in range(9)})
        names = [thread.name for thread in threading.enumerate()]
        assert "stageline-transfer" not in names


def test_temporary_names_are_no_objects(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / f"{TEMPORARY}left").write_bytes(b"by a process that died")
    assert store.list("") == []
