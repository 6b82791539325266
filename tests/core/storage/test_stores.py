"""Every adapter keeps the port's promises."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar

import pytest
from servers import S3Server

from stageline.storage.local import LocalStore
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.storage.remote import RemoteStore
from stageline.testing.store_contract import ODD_KEYS, StoreContract


class TestLocalStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.root = tmp_path / "store"

    def make_store(self) -> ObjectStore:
        return LocalStore(self.root)


class TestLocalStoreWithFsync(TestLocalStore):
    def make_store(self) -> ObjectStore:
        return LocalStore(self.root, durability="fsync")


class TestMemoryStore(StoreContract):
    works_after_fork = False  # the child has a copy

    def make_store(self) -> ObjectStore:
        return MemoryStore(f"memory://{uuid.uuid4().hex}")


class TestMoto(StoreContract):
    odd_keys: ClassVar[list[str]] = [
        key for key in ODD_KEYS if "\n" not in key
    ]  # moto's routes do not match a newline

    @pytest.fixture(autouse=True)
    def _place(self, moto_server: S3Server) -> None:
        self.server = moto_server

    def make_store(self) -> ObjectStore:
        return RemoteStore(self.server.new_place(), self.server.options)


class TestSeaweedFS(StoreContract):
    odd_keys: ClassVar[list[str]] = [
        key for key in ODD_KEYS if "\\" not in key
    ]  # it takes a backslash for a slash

    @pytest.fixture(autouse=True)
    def _place(self, seaweedfs_server: S3Server) -> None:
        self.server = seaweedfs_server

    def make_store(self) -> ObjectStore:
        return RemoteStore(self.server.new_place(), self.server.options)


class TestAnyOtherFileSystem(StoreContract):
    """What fsspec offers without any knowledge of the backend."""

    is_exclusive = False

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.root = tmp_path / "store"

    def make_store(self) -> ObjectStore:
        return RemoteStore("dir://", {"path": str(self.root), "target_protocol": "file"})


@pytest.mark.parametrize("prefix", ["", "/", "/some/deep/prefix", "/odd prefix-ä/"])
def test_store_may_lie_anywhere_in_a_bucket(moto_server: S3Server, prefix: str) -> None:
    bucket = moto_server.new_bucket()
    beside = RemoteStore(f"{bucket}/some/deep/prefix-beside", moto_server.options)
    store = RemoteStore(bucket + prefix, moto_server.options)
    if prefix.strip("/"):
        beside.create("a", b"1")
    assert store.list("") == []
    store.create("f/a", b"1")
    store.create("b", b"2")
    assert [entry.key for entry in store.list("")] == ["b", "f/a"]
    assert [entry.key for entry in store.list("", deep=False)] == ["b", "f/"]
    assert store.read("f/a") == b"1"
