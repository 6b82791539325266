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
        return RemoteStore(f"{self.server.new_bucket()}/some/prefix", self.server.options)


class TestMotoAtTheRootOfItsBucket(TestMoto):
    def make_store(self) -> ObjectStore:
        return RemoteStore(self.server.new_bucket(), self.server.options)


class TestSeaweedFS(StoreContract):
    odd_keys: ClassVar[list[str]] = [
        key for key in ODD_KEYS if "\\" not in key
    ]  # it takes a backslash for a slash

    @pytest.fixture(autouse=True)
    def _place(self, seaweedfs_server: S3Server) -> None:
        self.server = seaweedfs_server

    def make_store(self) -> ObjectStore:
        return RemoteStore(f"{self.server.new_bucket()}/prefix", self.server.options)


class TestAnyOtherFileSystem(StoreContract):
    """What fsspec offers without any knowledge of the backend."""

    is_exclusive = False

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.root = tmp_path / "store"

    def make_store(self) -> ObjectStore:
        return RemoteStore("dir://", {"path": str(self.root), "target_protocol": "file"})
