"""A commit finds out what happened, whatever answer was lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.errors import StorageFailed, Unauthorized
from stageline.storage.commit import commit
from stageline.storage.memory import MemoryStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan


@pytest.fixture
def inner() -> MemoryStore:
    return fresh("commit")


def fresh(name: str) -> MemoryStore:
    store = MemoryStore(f"memory://{name}")
    store.clear()
    return store


def test_happy_commit_costs_one_create(inner: MemoryStore) -> None:
    store = CountingStore(inner)
    assert commit(store, "a", b"mine")
    assert store.total.by_verb() == {"create": 1}


def test_lost_race_costs_a_create_and_a_read(inner: MemoryStore) -> None:
    inner.create("a", b"theirs")
    store = CountingStore(inner)
    assert not commit(store, "a", b"mine")
    assert store.total.by_verb() == {"create": 1, "read": 1}


def test_lost_answer_is_success_without_waiting(inner: MemoryStore) -> None:
    clock = FixedClock()
    store = FaultyStore(inner, plan=Plan(at={1: Fault.LOST_ANSWER}))
    assert commit(store, "a", b"mine", clock=clock)
    assert clock.slept == []


def test_answer_repeated_by_the_client_library_is_success(inner: MemoryStore) -> None:
    store = FaultyStore(inner, plan=Plan(at={1: Fault.REPEATED}))
    assert commit(store, "a", b"mine")


def test_lost_call_is_repeated(inner: MemoryStore) -> None:
    store = FaultyStore(inner, plan=Plan(at={1: Fault.LOST_CALL}))
    assert commit(store, "a", b"mine", clock=FixedClock())
    assert inner.read("a") == b"mine"


def test_rival_that_came_between_is_seen(inner: MemoryStore) -> None:
    class Rival(FaultyStore):
        def read(self, key: str) -> bytes:
            inner.create(key, b"theirs")
            return super().read(key)

    store = Rival(inner, plan=Plan(at={1: Fault.LOST_CALL}))
    assert not commit(store, "a", b"mine", clock=FixedClock())


def test_store_that_stays_away_leaves_the_outcome_unknown(inner: MemoryStore) -> None:
    clock = FixedClock()
    store = FaultyStore(inner, plan=Plan(chances={Fault.LOST_CALL: 1.0}))
    with pytest.raises(StorageFailed, match="outcome is unknown"):
        commit(store, "a", b"mine", retries=3, clock=clock)
    assert len(clock.slept) == 3
    store.heal()
    assert commit(store, "a", b"mine")


def test_refused_credentials_are_told_at_once(inner: MemoryStore) -> None:
    clock = FixedClock()
    store = FaultyStore(inner, plan=Plan(unauthorized=[range(1, 100)]))
    with pytest.raises(Unauthorized):
        commit(store, "a", b"mine", clock=clock)
    assert store.calls == 1
    assert clock.slept == []


@given(seed=st.integers(0, 2**32), chance=st.floats(0, 0.3))
def test_commit_tells_the_truth_under_any_faults(seed: int, chance: float) -> None:
    inner = fresh("commit-truth")
    chances = {Fault.LOST_ANSWER: chance, Fault.LOST_CALL: chance, Fault.REPEATED: chance}
    store = FaultyStore(inner, seed=seed, plan=Plan(chances=chances))
    bodies = [b"one", b"two", b"three"]
    results: list[bool | None] = []
    for body in bodies:
        try:
            results.append(commit(store, "a", body, clock=FixedClock()))
        except StorageFailed:
            results.append(None)
    stored = inner.read("a") if inner.list("") else None
    for body, result in zip(bodies, results, strict=True):
        assert result in (None, stored == body)
