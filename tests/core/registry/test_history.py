"""The past can be read, asked as of a date, and proven."""

from __future__ import annotations

import datetime

import msgspec
import pytest
from registered import TIME, new_store, open_registry, with_versions

from stageline.domain import registry_events as ev
from stageline.domain.registry_state import ModelState, fold
from stageline.errors import InvalidInput, NotFound
from stageline.registry.registry import Registry
from stageline.storage import layout
from stageline.storage.memory import MemoryStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore

DAY = 86_400_000


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


@pytest.fixture
def days(store: MemoryStore) -> Registry:
    """One change a day: two versions, the first in Production on day 2, the second on day 3."""
    clock = FixedClock(TIME)
    registry = open_registry(store, clock=clock)
    for day, change in enumerate(
        [
            lambda: registry.register("wine", source="s3://1"),
            lambda: registry.register("wine", source="s3://2"),
            lambda: registry.transition("wine", 1, "Production"),
            lambda: registry.transition("wine", 2, "Production", archive_existing=True),
        ]
    ):
        clock.set(TIME + day * DAY)
        change()
    return registry


def test_history_tells_everything_in_order(days: Registry) -> None:
    entries = days.history("wine")
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert [entry.time for entry in entries] == [TIME + day * DAY for day in range(4)]
    moves = [
        (event.version, event.to_stage, event.cause)
        for event in entries[3].events
        if isinstance(event, ev.StageChanged)
    ]
    assert moves == [(1, "Archived", "archived"), (2, "Production", "transition")]


def test_state_as_of_a_date(days: Registry) -> None:
    assert days.as_of("wine", TIME).numbers() == [1]
    assert days.as_of("wine", TIME + 2 * DAY + 1).holding("Production") == [1]
    when = datetime.datetime.fromtimestamp(TIME / 1000 + 3 * 86_400, datetime.timezone.utc)
    assert days.as_of("wine", when).holding("Production") == [2]
    with pytest.raises(NotFound, match="was not there"):
        days.as_of("wine", TIME - 1)
    with pytest.raises(InvalidInput, match="time zone"):
        days.as_of("wine", datetime.datetime(2024, 1, 1))
    with pytest.raises(InvalidInput):
        days.as_of("wine", "yesterday")  # type: ignore[arg-type]


def test_clock_that_went_back_does_not_reorder(store: MemoryStore) -> None:
    clock = FixedClock(TIME)
    registry = open_registry(store, clock=clock)
    registry.register("wine", source="s3://1")
    clock.set(TIME - DAY)
    registry.transition("wine", 1, "Staging")
    clock.set(TIME + DAY)
    registry.transition("wine", 1, "Production")
    assert registry.as_of("wine", TIME).holding("Staging") == [1]
    assert len(registry.history("wine", as_of=TIME - DAY)) == 2


def test_history_goes_through_former_names_and_earlier_lives(store: MemoryStore) -> None:
    registry = with_versions(store, 1, "beer")
    registry.delete("beer")
    registry.register("wine", source="s3://1")
    registry.rename("wine", "beer")
    registry.transition("beer", 1, "Staging")
    told = [(entry.name, entry.number) for entry in registry.history("beer")]
    assert told == [
        ("beer", 1), ("beer", 2),
        ("wine", 1), ("wine", 2),
        ("beer", 3), ("beer", 4), ("beer", 5),
    ]  # fmt: skip
    assert [entry.number for entry in registry.history("wine")] == [1, 2]


def test_deleted_model_keeps_its_history(days: Registry) -> None:
    days.delete("wine")
    assert len(days.history("wine")) == 5
    assert days.as_of("wine", TIME + 2 * DAY).holding("Production") == [1]
    for call in (days.history, days.verify):
        with pytest.raises(NotFound):
            call("beer")


def test_each_state_follows_from_its_events(days: Registry) -> None:
    days.rename("wine", "beer")
    days.request_transition("beer", 1, "Production")
    days.approve("beer", 1, actor="bob")
    days.rollback("beer", "Production")
    for name in ("wine", "beer"):
        state = ModelState(name=name)
        for entry in [one for one in days.history("beer") if one.name == name]:
            state = fold(state, entry.events, entry.time)
            assert state == entry.state


# -- the proof ------------------------------------------------------------------------------------


def entry_key(number: int) -> str:
    return layout.model_journal("wine") + layout.revision(number)


def test_whole_journal_is_proven(store: MemoryStore, days: Registry) -> None:
    proof = days.verify("wine")
    assert (proof.is_intact, proof.entries, proof.broken) == (True, 4, None)
    assert proof.head == days.history("wine")[-1].digest
    days.register("beer", source="s3://1")
    assert [one.name for one in open_registry(store).verify_all()] == ["beer", "wine"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_changed_entry_is_named(store: MemoryStore, days: Registry, number: int) -> None:
    document = msgspec.json.decode(store.read(entry_key(number)))
    document["actor"] = "mallory"
    store.replace(entry_key(number), msgspec.json.encode(document))
    for registry in (days, open_registry(store)):
        proof = registry.verify("wine")
        assert not proof.is_intact
        assert proof.broken == number + 1, "the next one names other bytes"
        assert f"entry {number} was changed" in proof.problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda store: store.delete(entry_key(2)), "entry 2 is missing"),
        (lambda store: store.replace(entry_key(2), b"{}"), "entry 2 can not be read"),
        (lambda store: store.replace(entry_key(2), b"\xff"), "entry 2 can not be read"),
        (
            lambda store: store.replace(entry_key(2), store.read(entry_key(1))),
            "entry 2 says that it is entry 1",
        ),
    ],
)
def test_damage_is_named(store: MemoryStore, days: Registry, change, says: str) -> None:
    change(store)
    proof = days.verify("wine")
    assert (proof.broken, proof.is_intact) == (2, False)
    assert says in proof.problem


def test_journal_of_another_model_proves_nothing(store: MemoryStore, days: Registry) -> None:
    data = store.read(entry_key(1))
    store.create(layout.model_journal("beer") + layout.revision(1), data)
    assert "is about 'wine'" in days.verify("beer").problem


# -- the newest first -----------------------------------------------------------------------------


def told(entries: object) -> list[tuple[str, int]]:
    return [(entry.name, entry.number) for entry in entries]  # type: ignore[attr-defined]


def test_backwards_goes_through_many_reads_and_former_names(store: MemoryStore) -> None:
    registry = with_versions(store, 1, "beer")
    registry.delete("beer")
    for number in range(20):
        registry.register("wine", source=f"s3://{number}")
    registry.rename("wine", "beer")
    registry.rename("beer", "cider")
    registry.create_registered_model("wine")
    wine = [("wine", number) for number in range(21, 0, -1)]
    beer = [("beer", 5), ("beer", 4), ("beer", 3)]
    for reader in (registry, open_registry(store)):
        cider = told(reader.backwards("cider"))
        assert cider == [("cider", 2), ("cider", 1), *beer, *wine]
        assert told(reader.backwards("wine")) == [("wine", 22), *wine]


def test_backwards_sees_an_arrival_that_nobody_wrote_down(store: MemoryStore) -> None:
    with_versions(store, 1).rename("wine", "beer")
    store.delete(layout.model_journal("beer") + layout.revision(2))
    entries = told(open_registry(store).backwards("beer"))
    assert entries == [("beer", 1), ("wine", 2), ("wine", 1)]


def test_backwards_reads_no_more_than_a_handful_for_what_happened_lately() -> None:
    store = CountingStore(new_store())
    with_versions(store, 40)
    registry = open_registry(store)
    with store.counted() as c:
        assert next(registry.backwards("wine")).number == 40
    assert c.by_verb() == {"list": 1, "read": 8}


def test_backwards_of_an_unknown_model_is_refused(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        next(open_registry(store).backwards("wine"))


def test_stages_of_an_entry_are_those_of_its_state(store: MemoryStore) -> None:
    registry = with_versions(store, 3)
    registry.transition("wine", 2, "Production")
    registry.transition("wine", 3, "Production", archive_existing=True)
    registry.delete_version("wine", 2)
    for entry in registry.history("wine"):
        state = entry.state
        assert entry.stages == {one.version: one.current_stage for one in state.all_versions()}
    registry.delete("wine")
    assert registry.history("wine")[-1].stages == {}


def test_history_passes_over_an_entry_that_somebody_removed(store: MemoryStore) -> None:
    with_versions(store, 3)
    store.delete(layout.model_journal("wine") + layout.revision(2))
    assert told(open_registry(store).backwards("wine")) == [("wine", 3), ("wine", 1)]
    assert not open_registry(store).verify("wine").is_intact
