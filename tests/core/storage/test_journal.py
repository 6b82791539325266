"""A journal has one order, no gaps, and no lost entry."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.storage.journal import Journal, JournalEntry
from stageline.storage.local import LocalStore
from stageline.storage.memory import MemoryStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan


def fresh(name: str) -> MemoryStore:
    store = MemoryStore(f"memory://{name}")
    store.clear()
    return store


@pytest.fixture
def inner() -> MemoryStore:
    return fresh("journal")


@pytest.fixture
def store(inner: MemoryStore) -> CountingStore:
    return CountingStore(inner)


def test_entries_come_back_in_order(store: CountingStore) -> None:
    journal = Journal(store, "j/")
    assert journal.latest() is None
    for number in range(1, 6):
        assert journal.append(number, b"%d" % number)
    again = Journal(store, "j/")
    assert again.latest() == JournalEntry(5, b"5")
    assert again.numbers() == [1, 2, 3, 4, 5]
    assert again.entries(since=3) == [JournalEntry(4, b"4"), JournalEntry(5, b"5")]
    assert again.read(2) == b"2"


def test_warm_append_costs_one_create(store: CountingStore) -> None:
    journal = Journal(store, "j/")
    journal.append(1, b"1")
    with store.counted() as c:
        journal.append(2, b"2")
    assert c.by_verb() == {"create": 1}


def test_cold_append_costs_a_listing_a_read_and_a_create(store: CountingStore) -> None:
    Journal(store, "j/").append(1, b"1")
    journal = Journal(store, "j/")
    with store.counted() as c:
        latest = journal.latest()
        assert latest is not None
        journal.append(latest.number + 1, b"2")
    assert c.by_verb() == {"list": 1, "read": 1, "create": 1}


def test_known_entry_is_not_read_again(store: CountingStore) -> None:
    journal = Journal(store, "j/")
    journal.append(1, b"1")
    with store.counted() as c:
        journal.latest()
        journal.latest()
        journal.read(1)
    assert c.by_verb() == {"list": 2}


def test_second_writer_of_one_entry_loses_and_knows_the_winner(store: CountingStore) -> None:
    first, second = Journal(store, "j/"), Journal(store, "j/")
    assert first.append(1, b"first")
    assert not second.append(1, b"second")
    with store.counted() as c:
        assert second.read(1) == b"first"
    assert c.total == 0


def test_gap_is_refused(store: CountingStore) -> None:
    journal = Journal(store, "j/")
    with pytest.raises(InvalidInput, match="gap"):
        journal.append(2, b"2")
    with pytest.raises(InvalidInput, match="gap"):
        journal.append(0, b"0")
    assert store.total.total == 0


def test_absent_entry_raises_not_found(store: CountingStore) -> None:
    with pytest.raises(NotFound):
        Journal(store, "j/").read(7)


def test_appending_again_after_an_unknown_outcome_settles_it(inner: MemoryStore) -> None:
    plan = Plan(at={1: Fault.LOST_ANSWER}, unauthorized=[range(2, 100)])
    store = FaultyStore(inner, plan=plan)
    journal = Journal(store, "j/", clock=FixedClock())
    with pytest.raises(StorageFailed):
        journal.append(1, b"mine")
    store.heal()
    assert journal.latest() == JournalEntry(1, b"mine")
    assert journal.append(1, b"mine")
    assert not journal.append(1, b"other")


def test_stale_listing_does_not_hide_what_this_writer_saw(inner: MemoryStore) -> None:
    store = FaultyStore(inner, plan=Plan(chances={Fault.STALE_LIST: 1.0}, hidden=2))
    journal = Journal(store, "j/")
    for number in range(1, 4):
        journal.append(number, b"%d" % number)
    assert journal.latest() == JournalEntry(3, b"3")


def test_stale_listing_can_not_fork_the_journal(inner: MemoryStore) -> None:
    store = FaultyStore(inner, plan=Plan(chances={Fault.STALE_LIST: 1.0}, hidden=2))
    theirs = Journal(store, "j/")
    for number in range(1, 5):
        theirs.append(number, b"theirs %d" % number)
    journal = Journal(store, "j/")
    latest = journal.latest()
    assert latest is not None
    assert latest.number == 2
    while not journal.append(journal.newest_seen + 1, b"mine"):
        pass
    assert Journal(inner, "j/").entries(since=4) == [JournalEntry(5, b"mine")]


def test_foreign_files_in_the_folder_are_passed_over(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    Journal(store, "j/").append(1, b"1")
    (tmp_path / "j" / ".DS_Store").write_bytes(b"x")
    assert Journal(store, "j/").latest() == JournalEntry(1, b"1")
    assert Journal(store, "j/").numbers() == [1]


def test_large_entries_are_not_kept_in_memory(store: CountingStore) -> None:
    journal = Journal(store, "j/")
    journal.append(1, b"x" * (2 << 20))
    with store.counted() as c:
        assert len(journal.read(1)) == 2 << 20
    assert c.by_verb() == {"read": 1}


def test_threads_of_one_journal_decide_each_number_once(inner: MemoryStore) -> None:
    journal = Journal(inner, "j/")
    won: list[int] = []

    def write(name: int) -> None:
        for turn in range(10):
            body = b"%d-%d" % (name, turn)
            number = journal.newest_seen + 1
            while not journal.append(number, body):
                number = journal.newest_seen + 1
            won.append(number)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(1, 81))
    assert len({entry.data for entry in Journal(inner, "j/").entries()}) == 80


@given(seed=st.integers(0, 2**32))
def test_writers_under_faults_lose_and_double_nothing(seed: int) -> None:
    inner = fresh("journal-faults")
    chances = {
        Fault.LOST_ANSWER: 0.1, Fault.LOST_CALL: 0.1, Fault.REPEATED: 0.1, Fault.STALE_LIST: 0.2,
    }  # fmt: skip
    store = FaultyStore(inner, seed=seed, plan=Plan(chances=chances, hidden=2))
    journals = [Journal(store, "j/", clock=FixedClock()) for _ in range(3)]
    bodies = [b"%d" % number for number in range(9)]
    for turn, body in enumerate(bodies):
        persist(journals[turn % 3], body)
    stored = [entry.data for entry in Journal(inner, "j/").entries()]
    assert sorted(stored) == sorted(bodies)


def persist(journal: Journal, body: bytes) -> None:
    """What a caller does that never gives up, with the same bytes each time."""
    number = journal.newest_seen + 1
    while True:
        try:
            if journal.append(number, body):
                return
            number = journal.newest_seen + 1
        except StorageFailed:
            continue
