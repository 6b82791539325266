"""The fakes that ship behave as their names say, and the same way for the same seed."""

from __future__ import annotations

import uuid

import pytest

from stageline.errors import StorageFailed, Unauthorized
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.testing.store_contract import StoreContract


def memory() -> MemoryStore:
    return MemoryStore(f"memory://{uuid.uuid4().hex}")


class TestCountingStoreIsAStore(StoreContract):
    works_after_fork = False

    def make_store(self) -> ObjectStore:
        return CountingStore(memory())


class TestFaultyStoreWithoutFaultsIsAStore(StoreContract):
    works_after_fork = False

    def make_store(self) -> ObjectStore:
        return FaultyStore(memory())


def test_counts_are_by_verb_and_in_order() -> None:
    store = CountingStore(memory())
    store.create("before", b"1")
    with store.counted() as outer:
        store.create("a", b"123")
        with store.counted() as inner:
            store.read("a")
            store.list("")
        store.create("a", b"456")
    assert inner.by_verb() == {"read": 1, "list": 1}
    assert (inner.bytes_read, inner.bytes_written) == (3, 0)
    assert outer.calls == [("create", "a"), ("read", "a"), ("list", ""), ("create", "a")]
    assert (outer.create, outer.puts, outer.total, outer.bytes_written) == (2, 2, 4, 3)
    assert store.total.total == 5


def run_calls(seed: int) -> FaultyStore:
    chances = {Fault.LOST_ANSWER: 0.2, Fault.LOST_CALL: 0.2, Fault.STALE_LIST: 0.2}
    store = FaultyStore(memory(), seed=seed, plan=Plan(chances=chances))
    for number in range(50):
        try:
            store.create(f"{number}", b"1")
            store.list("")
        except StorageFailed:
            continue
    return store


def test_a_listing_is_as_many_pages_as_a_bucket_would_send() -> None:
    store = CountingStore(memory())
    for number in range(1_001):
        store.create(f"a/{number}", b"1")
    for limit, pages in ((None, 2), (1_000, 1), (1, 1)):
        with store.counted() as c:
            store.list("a/", limit=limit)
        assert (c.list, c.pages) == (1, pages)
    with store.counted() as c:
        store.list("empty/")
    assert c.pages == 1


def test_same_seed_gives_the_same_faults() -> None:
    first, again, other = run_calls(1), run_calls(1), run_calls(2)
    assert first.fired
    assert first.fired == again.fired
    assert first.fired != other.fired


def test_credentials_are_refused_for_a_while() -> None:
    store = FaultyStore(memory(), plan=Plan(unauthorized=[range(2, 4)]))
    store.create("a", b"1")
    for _ in range(2):
        with pytest.raises(Unauthorized):
            store.read("a")
    assert store.read("a") == b"1"
    assert [(fired.call, fired.fault) for fired in store.fired] == [
        (2, Fault.UNAUTHORIZED),
        (3, Fault.UNAUTHORIZED),
    ]


def test_full_disk_refuses_writes_only() -> None:
    store = FaultyStore(memory(), plan=Plan(full_from=2))
    store.create("a", b"1")
    for write in (lambda: store.create("b", b"1"), lambda: store.replace("a", b"2")):
        with pytest.raises(StorageFailed, match="full"):
            write()
    with pytest.raises(StorageFailed, match="full"):
        store.open("c", "wb")
    assert store.read("a") == b"1"
    store.delete("a")


def test_stale_listing_lacks_the_newest() -> None:
    store = FaultyStore(memory(), plan=Plan(at={4: Fault.STALE_LIST}, hidden=2))
    for key in "abc":
        store.create(key, b"1")
    assert [entry.key for entry in store.list("")] == ["a"]
    assert [entry.key for entry in store.list("")] == ["a", "b", "c"]


def test_lost_answer_has_taken_effect_and_lost_call_has_not() -> None:
    plan = Plan(at={1: Fault.LOST_ANSWER, 2: Fault.LOST_CALL})
    store = FaultyStore(memory(), plan=plan)
    for key in ("landed", "lost"):
        with pytest.raises(StorageFailed):
            store.create(key, b"1")
    assert [entry.key for entry in store.list("")] == ["landed"]


def test_clock_moves_only_when_told() -> None:
    clock = FixedClock(1000)
    assert (clock.now_ms(), clock.now_ms()) == (1000, 1000)
    assert clock.stamp() < clock.stamp()
    clock.sleep(2)
    assert clock.now_ms() == 3000
    clock.set(500)
    assert clock.now_ms() == 500
    assert clock.slept == [2]


def test_memory_store_takes_its_times_from_the_clock() -> None:
    clock = FixedClock(5000)
    store = MemoryStore(f"memory://{uuid.uuid4().hex}", clock)
    store.create("a", b"1")
    clock.sleep(2)
    store.create("b", b"1")
    assert [entry.modified for entry in store.list("")] == [5.0, 7.0]


def test_memory_stores_of_one_url_are_one_place() -> None:
    store = memory()
    store.create("a", b"1")
    assert MemoryStore(store.url).read("a") == b"1"
    assert memory().list("") == []
