"""Transitions are told once, in order, by one listing and the new entries."""

from __future__ import annotations

import base64

import pytest
from registered import TIME, new_store, open_registry, with_versions

from stageline.errors import InvalidInput
from stageline.registry.registry import Registry
from stageline.storage.memory import MemoryStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


def told(registry: Registry, since: str | None = None, **how: int) -> tuple[list[str], str]:
    events, cursor = registry.follow(since, **how)
    return [f"{e.name}/{e.version}->{e.to_stage}" for e in events], cursor


def test_transitions_are_told_once(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.transition("wine", 1, "Production", reason="why")
    first, cursor = told(registry)
    assert first == ["wine/1->Production"]
    assert told(registry, cursor) == ([], cursor)
    registry.set_alias("wine", "champion", 2)
    registry.acting("bob", run_id="r", link="https://p").transition(
        "wine", 2, "Production", archive_existing=True
    )
    events, cursor = open_registry(store).follow(cursor)
    assert [(e.version, e.from_stage, e.to_stage, e.cause) for e in events] == [
        (1, "Production", "Archived", "archived"),
        (2, "None", "Production", "transition"),
    ]
    assert {(e.actor, e.entry, e.run_id, e.link) for e in events} == {("bob", 5, "r", "https://p")}
    assert [e.key for e in events] == ["wine:5:1", "wine:5:2"]
    assert registry.follow(cursor).events == []


def test_cursor_of_now_tells_only_what_comes(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    cursor = registry.cursor()
    assert told(registry, cursor)[0] == []
    registry.transition("wine", 1, "Production")
    registry.register("beer", source="s3://1")
    registry.transition("beer", 1, "Staging")
    assert sorted(told(registry, cursor)[0]) == ["beer/1->Staging", "wine/1->Production"]


def test_models_are_merged_by_time_and_each_keeps_its_order(store: MemoryStore) -> None:
    clock = FixedClock(TIME)
    registry = open_registry(store, clock=clock)
    registry.register("a", source="s3://1")
    registry.register("b", source="s3://1")
    for ms, name, stage in [
        (10, "a", "Staging"), (20, "b", "Staging"), (5, "a", "Production"), (30, "b", "Production"),
    ]:  # fmt: skip
        clock.set(TIME + ms)
        registry.transition(name, 1, stage)
    assert told(registry)[0] == [
        "a/1->Staging", "a/1->Production", "b/1->Staging", "b/1->Production",
    ]  # fmt: skip
    assert [e.name for e in registry.follow(name="b").events] == ["b", "b"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_limit_cuts_and_the_cursor_goes_on(store: MemoryStore, limit: int) -> None:
    registry = with_versions(store, 3)
    for number in (1, 2, 3):
        registry.transition("wine", number, "Production", archive_existing=True)
    everything = [event.key for event in registry.follow().events]
    found: list[str] = []
    cursor = None
    while True:
        events, cursor = registry.follow(cursor, limit=limit)
        found += [event.key for event in events]
        if not events:
            break
    assert found == everything
    assert len(set(found)) == 5


def test_quiet_poll_is_one_listing(store: MemoryStore) -> None:
    counting = CountingStore(store)
    registry = with_versions(counting, 3)
    for number in range(20):
        registry.register(f"m{number}", source="s3://1")
    cursor = registry.cursor()
    watcher = open_registry(counting)
    with counting.counted() as c:
        watcher.follow(cursor)
    assert c.by_verb() == {"list": 1}
    registry.transition("wine", 1, "Staging")
    registry.transition("m7", 1, "Staging")
    with counting.counted() as c:
        assert len(watcher.follow(cursor).events) == 2
    assert c.by_verb() == {"list": 1, "read": 2}


def test_rename_is_no_transition(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    cursor = registry.cursor()
    registry.rename("wine", "beer")
    assert told(registry, cursor)[0] == []


@pytest.mark.parametrize(
    "cursor",
    ["x", "e30", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"a":-1}').decode(),
     base64.b64encode(b'{"a":"1"}').decode(), "é", base64.b64encode(b"\xff").decode()],
)  # fmt: skip
def test_bad_cursor(store: MemoryStore, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        open_registry(store).follow(cursor)
