"""What every store must do when it lists: all that is there, at once, in key order, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore


class ContractOfListings:
    """Listings. A part of `StoreContract`."""

    def test_empty_store_lists_nothing(self, store: ObjectStore) -> None:
        assert store.list("") == []
        assert store.list("", deep=False) == []
        assert store.list("absent/folder/") == []
        assert store.list("absent/folder/", deep=False, limit=1) == []

    def test_deep_listing_is_in_key_order(self, store: ObjectStore) -> None:
        # "." and "-" sort before "/", "0" after it: a walk by folders would get this wrong.
        keys = ["a/b", "a/c/d", "a.txt", "a-b/c", "a0", "A", "b/a", "b/a.x", "b/aa/z"]
        for key in keys:
            store.create(key, b"1")
        assert [entry.key for entry in store.list("")] == sorted(keys)

    def test_listing_stays_in_its_folder(self, store: ObjectStore) -> None:
        for key in ["run/a", "run/b/c", "run-2/a", "runs", "other/run/a"]:
            store.create(key, b"1")
        assert [entry.key for entry in store.list("run/")] == ["run/a", "run/b/c"]

    def test_shallow_listing_shows_objects_and_folders(self, store: ObjectStore) -> None:
        for key in ["f/a", "f/b/1", "f/b/2", "f/b-c", "f/d/e/f", "g"]:
            store.create(key, b"1")
        shallow = store.list("f/", deep=False)
        assert [entry.key for entry in shallow] == ["f/a", "f/b-c", "f/b/", "f/d/"]
        assert [entry.key for entry in store.list("", deep=False)] == ["f/", "g"]

    @pytest.mark.parametrize("deep", [True, False])
    def test_limit_gives_the_first(self, store: ObjectStore, deep: bool) -> None:
        for number in range(9, 0, -1):
            store.create(f"f/{number}", b"1")
        listed = [entry.key for entry in store.list("f/", deep=deep, limit=3)]
        assert listed == ["f/1", "f/2", "f/3"]
        assert len(store.list("f/", deep=deep, limit=100)) == 9

    def test_limit_counts_folders_too(self, store: ObjectStore) -> None:
        for key in ["f/a/1", "f/a/2", "f/b/1", "f/c"]:
            store.create(key, b"1")
        listed = [entry.key for entry in store.list("f/", deep=False, limit=2)]
        assert listed == ["f/a/", "f/b/"]

    def test_entry_tells_the_size_and_when(self, store: ObjectStore) -> None:
        store.create("a", b"12345")
        store.create("b/c", b"1")
        first, folder = store.list("", deep=False)
        assert first.size == 5
        # By the store's own clock, which need not agree with ours; but it is a time, or 0.0.
        assert first.modified == 0.0 or first.modified > 1_000_000_000
        assert (folder.size, folder.modified) == (0, 0.0)

    def test_listing_needs_a_folder(self, store: ObjectStore) -> None:
        with pytest.raises(InvalidInput, match="folder"):
            store.list("a/b")

    def test_listing_shows_each_write_at_once(self, store: ObjectStore) -> None:
        for number in range(10):
            store.create(f"f/{number}", b"1")
            assert len(store.list("f/")) == number + 1
            assert len(store.list("f/", deep=False)) == number + 1
        for number in range(10):
            store.delete(f"f/{number}")
            assert len(store.list("f/")) == 9 - number
