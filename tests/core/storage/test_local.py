"""What is special about a folder: links, full disks, other file systems, and speed at import."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stageline.errors import InvalidInput, NotAllowed, StorageFailed, Unauthorized
from stageline.storage.local import LocalStore
from stageline.storage.open import open_store


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def fails(code: int) -> Callable[..., Any]:
    def call(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return call


def files(store: LocalStore) -> list[str]:
    return sorted(path.name for path in Path(store.url).rglob("*") if path.is_file())


def test_opening_touches_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "absent")
    assert store.list("") == []
    assert not (tmp_path / "absent").exists()


def test_path_is_where_the_object_lies(store: LocalStore) -> None:
    store.create("a/b", b"1")
    assert store.path("a/b").read_bytes() == b"1"
    with pytest.raises(InvalidInput):
        store.path("../a")


def test_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore(Path("store"))
    monkeypatch.chdir("/")
    store.create("a", b"1")
    assert (tmp_path / "store" / "a").exists()


def test_no_temporary_file_is_left(store: LocalStore) -> None:
    store.create("a", b"1")
    store.create("a", b"2")
    store.replace("a", b"3")
    with store.open("b", "wb") as stream:
        stream.write(b"4")
    assert files(store) == ["a", "b"]


def test_listing_passes_over_temporary_files(store: LocalStore) -> None:
    store.create("f/a", b"1")
    store.path("f/a").with_name(".tmp-left-by-a-dead-process").write_bytes(b"half")
    assert [entry.key for entry in store.list("f/")] == ["f/a"]


def test_emptied_folders_are_removed_but_not_the_root(store: LocalStore) -> None:
    store.create("a/b/c", b"1")
    store.create("a/d", b"1")
    store.delete("a/b/c")
    assert [entry.key for entry in store.list("", deep=False)] == ["a/"]
    assert not store.path("a/b").exists()
    store.delete("a/d")
    assert Path(store.url).is_dir()


def test_object_can_not_lie_below_an_object(store: LocalStore) -> None:
    store.create("a", b"1")
    with pytest.raises(InvalidInput, match="folder at once"):
        store.create("a/b", b"1")
    store.create("f/a", b"1")
    with pytest.raises(InvalidInput, match="folder at once"):
        store.replace("f", b"1")
    assert files(store) == ["a", "a"]


def test_too_long_a_name_is_told(store: LocalStore) -> None:
    with pytest.raises(InvalidInput, match="255"):
        store.create("x" * 300, b"1")


# --- file systems that lack something


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS])
def test_create_is_exclusive_without_hard_links(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", fails(code))
    assert store.create("f/a", b"first")
    assert not store.create("f/a", b"second")
    assert store.read("f/a") == b"first"
    assert files(store) == ["a"]


def test_lost_reply_of_a_link_is_success(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS repeats a request whose reply was lost, and is told that the name exists."""
    link = os.link

    def link_and_lose_the_reply(source: str, target: str) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", link_and_lose_the_reply)
    assert store.create("a", b"mine")
    monkeypatch.setattr(os, "link", link)
    assert not store.create("a", b"other")


def test_folder_removed_between_is_made_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    makedirs = os.makedirs
    turns: list[str] = []

    def made_and_removed(path: str, exist_ok: bool = False) -> None:
        makedirs(path, exist_ok=exist_ok)
        if len(turns) < 3:
            turns.append(path)
            os.rmdir(path)

    monkeypatch.setattr(os, "makedirs", made_and_removed)
    assert store.create("f/a", b"1")
    assert len(turns) == 3


# --- failures are told with what to do


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, StorageFailed, "free some space"),
        (errno.EDQUOT, StorageFailed, "quota"),
        (errno.EROFS, StorageFailed, "read-only"),
        (errno.EACCES, Unauthorized, "owner or the mode"),
        (errno.EIO, StorageFailed, "check it"),
    ],
)
@pytest.mark.parametrize("verb", ["create", "replace"])
def test_failed_write_says_what_to_do_and_leaves_nothing(
    store: LocalStore,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    kind: type[Exception],
    words: str,
    verb: str,
) -> None:
    store.create("f/kept", b"1")
    monkeypatch.setattr(os, "write", fails(code))
    with pytest.raises(kind, match=words) as caught:
        getattr(store, verb)("f/a", b"1")
    assert "f/a" in str(caught.value)
    assert files(store) == ["kept"]


def test_full_disk_under_a_stream_leaves_nothing(store: LocalStore) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    full = os.open("/dev/full", os.O_WRONLY)
    stream = store.open("f/a", "wb")
    os.dup2(full, stream.fileno())
    os.close(full)
    stream.write(b"x")
    with pytest.raises(StorageFailed, match="free some space"):
        stream.close()
    assert files(store) == []


def test_folder_without_permission_is_told(store: LocalStore) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may do anything")
    store.create("f/a", b"1")
    store.path("f").chmod(0)
    try:
        with pytest.raises(Unauthorized, match="may not"):
            store.read("f/a")
    finally:
        store.path("f").chmod(0o700)


# --- symbolic links do not lead out


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    return folder


def test_link_to_a_folder_outside_is_not_followed(store: LocalStore, outside: Path) -> None:
    store.create("runs/r/artifacts/own", b"1")
    store.path("runs/r/artifacts/link").symlink_to(outside)
    key = "runs/r/artifacts/link/secret"
    calls: list[Callable[[], object]] = [
        lambda: store.read(key),
        lambda: store.create(f"{key}2", b"1"),
        lambda: store.replace(key, b"1"),
        lambda: store.delete(key),
        lambda: store.open(key, "rb"),
        lambda: store.open(key, "wb"),
        lambda: store.list("runs/r/artifacts/link/"),
    ]
    for call in calls:
        with pytest.raises(NotAllowed, match="symbolic link"):
            call()
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert [entry.key for entry in store.list("")] == ["runs/r/artifacts/own"]


def test_link_to_a_file_outside_is_not_an_object(store: LocalStore, outside: Path) -> None:
    store.create("f/own", b"1")
    store.path("f/link").symlink_to(outside / "secret")
    with pytest.raises(NotAllowed, match="symbolic link"):
        store.read("f/link")
    assert [entry.key for entry in store.list("f/")] == ["f/own"]
    store.replace("f/link", b"now an object")
    assert (outside / "secret").read_bytes() == b"secret"


def test_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = LocalStore(tmp_path / "link")
    store.create("runs/r/artifacts/a", b"1")
    assert store.read("runs/r/artifacts/a") == b"1"


# --- opening


def test_every_way_to_name_a_folder_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / "my store"
    for name in (str(place), place, place.as_uri(), f"local://{place}", "~/my store"):
        assert open_store(name).url == str(place)


def test_file_url_of_another_host_is_refused() -> None:
    with pytest.raises(InvalidInput, match="host"):
        open_store("file://host/path")


def test_empty_url_is_refused() -> None:
    with pytest.raises(InvalidInput, match="path or a URL"):
        open_store("")


def test_local_store_imports_neither_fsspec_nor_tenacity() -> None:
    code = """
import sys
from stageline.storage.open import open_store
from stageline.storage.journal import Journal
import tempfile
store = open_store(tempfile.mkdtemp())
Journal(store, "j/").append(1, b"1")
heavy = {"fsspec", "tenacity", "asyncio", "s3fs", "concurrent.futures"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_alias_is_the_same_object_until_it_is_replaced(store: LocalStore) -> None:
    store.create("a/b", b"1")
    assert store.alias("a/b", "c/d")
    assert store.read("c/d") == b"1"
    store.replace("c/d", b"2")
    assert (store.read("a/b"), store.read("c/d")) == (b"1", b"2")


def test_alias_takes_no_name_that_another_object_has(store: LocalStore) -> None:
    store.create("a", b"1")
    store.create("b", b"2")
    assert not store.alias("a", "b")
    assert store.read("b") == b"2"


def test_alias_is_refused_where_there_are_no_hard_links(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a", b"1")
    monkeypatch.setattr(os, "link", fails(errno.EPERM))
    assert not store.alias("a", "b")
    assert files(store) == ["a"]
