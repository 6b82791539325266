"""What every store must do, as a test class: subclass it, say how to make a store, and run pytest.

    class TestMyStore(StoreContract):
        def make_store(self) -> ObjectStore:
            return open_store("myproto://place")

Stores that `make_store` returns must be fresh and empty. Set `is_exclusive = False` for one on which
racing creates may have two winners: its runs are safe, and a registry refuses it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, ClassVar

import pytest

from stageline.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

WRITERS = 16
KEYS = 20

BAD_KEYS = [
    "", "/", "/etc/passwd", "../up", "a/../b", "a/..", "..", ".", "./a", "a/./b", "a//b", "a/", "nul\0",
    "\ud800", ".tmp-x", "a/.tmp-x",
]  # fmt: skip
ODD_KEYS = [
    "a b/c d.txt", "per%20cent/100%.txt", "plus+sign", "star*question?", "quo'te\"s", "[brackets]/{x}",
    "umlaut-ä/ß.txt", "日本語/モデル.bin", "emoji-🚂", "semi;colon,comma", "at@sign=equals&and", "#hash",
    ".hidden/.file", "-dash", "tilde~", "a.b/..c", "back\\slash", "dollar$(x)", "new\nline", "x" * 200,
]  # fmt: skip


class StoreContract:
    """The promises of `stageline.storage.port.ObjectStore`, one test each."""

    is_exclusive: ClassVar[bool] = True
    """Whether exactly one of racing creates wins."""
    odd_keys: ClassVar[list[str]] = ODD_KEYS
    """Keys that the store must keep as they are; leave out what it can not."""
    works_after_fork: ClassVar[bool] = hasattr(os, "fork")
    """Whether a forked child may go on using the parent's store."""

    def make_store(self) -> ObjectStore:
        """A fresh, empty store."""
        raise NotImplementedError("subclasses of StoreContract say how to make a store")

    @pytest.fixture
    def store(self) -> ObjectStore:
        """A fresh, empty store."""
        return self.make_store()

    # --- read, create, replace, delete

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

    # --- list

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

    # --- open

    def test_stream_becomes_an_object_when_closed(self, store: ObjectStore) -> None:
        with store.open("f/stream", "wb") as stream:
            stream.write(b"one ")
            stream.write(b"two")
            assert store.list("f/") == []
        assert store.read("f/stream") == b"one two"

    def test_stream_left_by_an_exception_leaves_no_object(self, store: ObjectStore) -> None:
        store.create("kept", b"old")
        for key in ("kept", "f/new"):
            with pytest.raises(KeyError):
                _write_and_fail(store, key, 1)
        assert store.read("kept") == b"old"
        assert [entry.key for entry in store.list("")] == ["kept"]

    def test_dropped_stream_leaves_no_object(self, store: ObjectStore) -> None:
        stream = store.open("f/new", "wb")
        stream.write(b"half of it")
        del stream
        assert store.list("") == []

    def test_large_stream_survives(self, store: ObjectStore) -> None:
        block = os.urandom(1 << 20)
        with store.open("f/large", "wb") as stream:
            for _ in range(20):
                stream.write(block)
        assert store.list("f/")[0].size == 20 << 20
        with store.open("f/large", "rb") as stream:
            for _ in range(20):
                assert stream.read(1 << 20) == block
            assert stream.read(1) == b""

    def test_large_stream_left_by_an_exception_leaves_no_object(self, store: ObjectStore) -> None:
        with pytest.raises(KeyError):
            _write_and_fail(store, "f/large", 20)
        assert store.list("") == []

    def test_stream_replaces_an_object(self, store: ObjectStore) -> None:
        store.create("a", b"old")
        with store.open("a", "wb") as stream:
            stream.write(b"new")
        assert store.read("a") == b"new"

    def test_empty_stream_is_an_empty_object(self, store: ObjectStore) -> None:
        store.open("f/empty", "wb").close()
        assert store.read("f/empty") == b""
        with store.open("f/empty", "rb") as stream:
            assert stream.read() == b""

    def test_stream_can_be_read_from_anywhere(self, store: ObjectStore) -> None:
        store.create("a", b"0123456789")
        with store.open("a", "rb") as stream:
            stream.seek(7)
            assert stream.read() == b"789"
            stream.seek(0)
            assert stream.read(3) == b"012"

    def test_opening_what_is_absent_raises_not_found(self, store: ObjectStore) -> None:
        with pytest.raises(NotFound):
            store.open("f/absent", "rb")

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

    # --- many at once

    def test_exactly_one_of_racing_creates_wins(self, store: ObjectStore) -> None:
        if not self.is_exclusive:
            pytest.skip("this store is known not to be exclusive")
        start = Barrier(WRITERS)

        def race(writer: int) -> list[int]:
            start.wait()
            return [key for key in range(KEYS) if store.create(f"race/{key}", b"%d" % writer)]

        with ThreadPoolExecutor(WRITERS) as pool:
            won = list(pool.map(race, range(WRITERS)))
        assert sorted(key for keys in won for key in keys) == list(range(KEYS))
        for writer, keys in enumerate(won):
            assert all(store.read(f"race/{key}") == b"%d" % writer for key in keys)

    def test_replacing_is_never_seen_half_done(self, store: ObjectStore) -> None:
        bodies = [bytes([letter]) * 200_000 for letter in b"abcd"]
        store.replace("torn", bodies[0])

        def write(body: bytes) -> None:
            for _ in range(5):
                store.replace("torn", body)

        with ThreadPoolExecutor(len(bodies)) as pool:
            writing = [pool.submit(write, body) for body in bodies]
            for _ in range(20):
                assert store.read("torn") in bodies
            for done in writing:
                done.result()

    def test_folders_that_come_and_go_lose_nothing(self, store: ObjectStore) -> None:
        def come_and_go(writer: int) -> None:
            for turn in range(10):
                key = f"deep/down/{writer}-{turn}"
                assert store.create(key, b"1")
                assert store.read(key) == b"1"
                store.delete(key)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(come_and_go, range(4)))
        assert store.list("") == []

    def test_store_works_in_a_forked_child(self, store: ObjectStore) -> None:
        if not self.works_after_fork:
            pytest.skip("this store, or this platform, does not fork")
        store.create("parent", b"1")
        child = os.fork()
        if child == 0:
            # Nothing of pytest may run here, whatever happens.
            code = 1
            try:
                code = 0 if store.read("parent") == b"1" and store.create("child", b"2") else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.create("after", b"3")

    # --- what may be shown

    def test_url_and_repr_are_text(self, store: ObjectStore) -> None:
        assert store.url
        assert store.url in repr(store)


def _write_and_fail(store: ObjectStore, key: str, megabytes: int) -> None:
    with store.open(key, "wb") as stream:
        for _ in range(megabytes):
            stream.write(bytes(1 << 20))
        raise KeyError(key)
