"""What every store must do with streams: nothing is seen of what was not written to its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore


class ContractOfStreams:
    """Streams. A part of `StoreContract`."""

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


def _write_and_fail(store: ObjectStore, key: str, megabytes: int) -> None:
    with store.open(key, "wb") as stream:
        for _ in range(megabytes):
            stream.write(bytes(1 << 20))
        raise KeyError(key)
