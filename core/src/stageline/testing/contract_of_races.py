"""What every store must do for many at once: threads that race for a key, and a child that was forked."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, ClassVar

import pytest

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

WRITERS = 16
KEYS = 20


class ContractOfRaces:
    """Many at once. A part of `StoreContract`, which says what a subclass may set."""

    is_exclusive: ClassVar[bool]
    works_after_fork: ClassVar[bool]

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
