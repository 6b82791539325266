"""What every store must do with one object: create, read, replace and delete it, under any key or under none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from stageline.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

BAD_KEYS = [
    "", "/", "/etc/passwd", "../up", "a/../b", "a/..", "..", ".", "./a", "a/./b", "a//b", "a/", "nul\0",
    "\ud800", ".tmp-x", "a/.tmp-x",
]  # fmt: skip


class ContractOfObjects:
    """Whole objects, and their keys. A part of `StoreContract`, which says what a subclass may set."""

    odd_keys: ClassVar[list[str]]

    def test_created_object_is_read_back(self, store: ObjectStore) -> None:
        assert store.create("a/b.json", b"content") is True
        assert store.read("a/b.json") == b"content"

    def test_second_create_changes_nothing(self, store: ObjectStore) -> None:
        store.create("a", b"first")
        assert store.create("a", b"second") is False
        assert store.read("a") == b"first"

    def test_creating_what_was_replaced_fails(self, store: ObjectStore) -> None:
        store.replace("a", b"first")
        assert store.create("a", b"second") is False

    def test_creating_after_deleting_succeeds(self, store: ObjectStore) -> None:
        store.create("folder/a", b"first")
        store.delete("folder/a")
        assert store.create("folder/a", b"second") is True
        assert store.read("folder/a") == b"second"

    def test_empty_create_is_refused(self, store: ObjectStore) -> None:
        with pytest.raises(InvalidInput, match="content"):
            store.create("a", b"")

    def test_replacing_overwrites(self, store: ObjectStore) -> None:
        store.replace("a", b"long content")
        store.replace("a", b"short")
        assert store.read("a") == b"short"

    def test_replacing_with_nothing_leaves_an_empty_object(self, store: ObjectStore) -> None:
        store.replace("a", b"")
        assert store.read("a") == b""

    def test_reading_what_is_absent_raises_not_found(self, store: ObjectStore) -> None:
        with pytest.raises(NotFound, match="absent"):
            store.read("folder/absent")

    def test_reading_below_an_object_raises_not_found(self, store: ObjectStore) -> None:
        store.create("a", b"1")
        with pytest.raises(NotFound):
            store.read("a/b")

    def test_reading_a_folder_raises_not_found(self, store: ObjectStore) -> None:
        store.create("a/b", b"1")
        with pytest.raises(NotFound):
            store.read("a")

    def test_deleted_object_is_gone(self, store: ObjectStore) -> None:
        store.create("a/b", b"1")
        store.delete("a/b")
        assert store.list("") == []
        with pytest.raises(NotFound):
            store.read("a/b")

    def test_deleting_what_is_absent_is_fine(self, store: ObjectStore) -> None:
        store.delete("a/b/c")
        store.create("a/b/d", b"1")
        store.delete("a/b/c")
        assert store.read("a/b/d") == b"1"

    def test_all_bytes_survive(self, store: ObjectStore) -> None:
        data = bytes(range(256)) * 5000
        store.create("created", data)
        store.replace("replaced", data)
        assert store.read("created") == data
        assert store.read("replaced") == data

    # --- keys

    def test_odd_keys_are_kept(self, store: ObjectStore) -> None:
        keys = sorted(self.odd_keys)
        for number, key in enumerate(keys):
            assert store.create(f"odd/{key}", str(number).encode()) is True
        assert [entry.key for entry in store.list("odd/")] == [f"odd/{key}" for key in keys]
        for number, key in enumerate(keys):
            assert store.read(f"odd/{key}") == str(number).encode()
            with store.open(f"odd/{key}", "rb") as stream:
                assert stream.read() == str(number).encode()
            store.delete(f"odd/{key}")
        assert store.list("odd/") == []

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_keys_that_escape_or_mean_nothing_are_refused(
        self, store: ObjectStore, key: str
    ) -> None:
        with pytest.raises(InvalidInput):
            store.read(key)
        with pytest.raises(InvalidInput):
            store.create(key, b"1")
        with pytest.raises(InvalidInput):
            store.replace(key, b"1")
        with pytest.raises(InvalidInput):
            store.delete(key)
        with pytest.raises(InvalidInput):
            store.open(key, "rb")
        with pytest.raises(InvalidInput):
            store.open(key, "wb")

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "./"])
    def test_folders_that_escape_are_refused(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(InvalidInput):
            store.list(prefix)
