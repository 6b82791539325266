"""Whoever dies or loses an answer between any two requests leaves the old state or the new one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest
from registered import MadeUpFacts, new_store, open_registry, run

from stageline.domain.policy import MetricRule, Policy
from stageline.errors import AlreadyExists, StorageFailed
from stageline.registry.registry import Registry
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan


class Killed(BaseException):
    """No `except Exception` sees it, as none sees a kill -9."""


class DyingStore(CountingStore):
    """Dies at the n-th call, before or after it took effect, and answers nothing more."""

    def __init__(self, inner: ObjectStore, at: int, *, after: bool) -> None:
        super().__init__(inner)
        self._at = at
        self._after = after
        self.calls = 0

    def _dying(self, call: Callable[..., Any], *args: Any, **how: Any) -> Any:
        self.calls += 1
        if self.calls > self._at or (self.calls == self._at and not self._after):
            raise Killed
        answer = call(*args, **how)
        if self.calls == self._at:
            raise Killed
        return answer

    def read(self, key: str) -> bytes:
        return self._dying(super().read, key)

    def create(self, key: str, data: bytes) -> bool:
        return self._dying(super().create, key, data)

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> Any:
        return self._dying(super().list, prefix, deep=deep, limit=limit)


FACTS = MadeUpFacts({"r1": run("1", rmse=0.5), "r2": run("2", rmse=0.4)})


def prepared() -> MemoryStore:
    """Version 1 in Production, a request for version 2, and a name that was used before."""
    store = new_store()
    registry = open_registry(store, facts=FACTS)
    registry.register("wine", "r1")
    registry.register("wine", "r2")
    registry.transition("wine", 1, "Production")
    registry.set_policy(
        "wine", "Production", Policy(rules=(MetricRule(condition="metrics.rmse < 1"),))
    )
    registry.request_transition("wine", 2, "Production", archive_existing=True)
    registry.register("beer", source="s3://1")
    registry.delete("beer")
    return store


COMMANDS: dict[str, Callable[[Registry], object]] = {
    "create": lambda r: r.create_registered_model("ale"),
    "register": lambda r: r.register("wine", source="s3://3", digest="3"),
    "register the first": lambda r: r.register("ale", source="s3://3", digest="3"),
    "transition": lambda r: r.transition("wine", 2, "Production", archive_existing=True),
    "approve": lambda r: r.approve("wine", 1, actor="bob"),
    "rename": lambda r: r.rename("wine", "ale"),
    "rename to a name that was used": lambda r: r.rename("wine", "beer"),
    "delete": lambda r: r.delete("wine"),
}
MODELS = ("wine", "beer", "ale", "stout")


def seen(store: ObjectStore) -> dict[str, Any]:
    """All that anybody can see of each model."""
    registry = open_registry(store, facts=FACTS)
    states = {name: registry._ledger.state(name) for name in MODELS}
    assert [model.name for model in registry.list()] == sorted(
        name for name, state in states.items() if state.is_active
    )
    # Which entry a rename became depends on how often it was tried.
    plain = {name: msgspec.structs.replace(one, came_from=None) for name, one in states.items()}
    return {name: state if state.is_active else None for name, state in plain.items()}


def proven(store: ObjectStore) -> None:
    assert all(proof.is_intact for proof in open_registry(store).verify_all())


def new_state(command: Callable[[Registry], object]) -> dict[str, Any]:
    store = prepared()
    command(open_registry(store, facts=FACTS))
    return seen(store)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_kill_at_any_request_leaves_the_old_or_the_new_state(
    command: Callable[[Registry], object], is_after: bool
) -> None:
    old, new = seen(prepared()), new_state(command)
    outcomes = []
    for at in range(1, 100):
        store = prepared()
        dying = DyingStore(store, at, after=is_after)
        try:
            command(open_registry(dying, facts=FACTS))
        except Killed:
            pass
        else:
            break
        found = seen(store)
        assert found in (old, new), f"killed at request {at}"
        outcomes.append(found == new)
        proven(store)
        # The next one is not held up, and ends where the first would have.
        if found == old:
            command(open_registry(store, facts=FACTS))
            assert seen(store) == new
        proven(store)
    assert not outcomes[0]
    assert outcomes == sorted(outcomes), "what was decided stays decided"


@pytest.mark.parametrize("taker", ["create", "register", "rename"])
def test_name_that_a_dead_renamer_reserved_can_be_had_by_others(taker: str) -> None:
    take = {
        "create": lambda r: r.create_registered_model("ale"),
        "register": lambda r: r.register("ale", source="s3://x"),
        "rename": lambda r: r.rename("stout", "ale"),
    }[taker]
    for at in range(1, 100):
        store = prepared()
        open_registry(store).register("stout", source="s3://stout")
        before = seen(store)["wine"]
        renamer = open_registry(DyingStore(store, at, after=True), facts=FACTS)
        try:
            renamer.rename("wine", "ale")
        except Killed:
            pass
        else:
            break
        other = open_registry(store)
        if seen(store)["wine"] is None:
            with nullcontext() if taker == "register" else pytest.raises(AlreadyExists):
                take(other)
            assert seen(store)["ale"].find(1) is not None, "what arrived is still there"
            continue
        take(other)
        found = seen(store)
        assert found["wine"] == before
        assert found["ale"] is not None
        with pytest.raises(AlreadyExists):
            open_registry(store).rename("wine", "ale")
        proven(store)


def test_renamer_that_was_paused_loses_to_who_took_the_name() -> None:
    store = prepared()
    registry = open_registry(store, facts=FACTS)
    append = registry._ledger._append
    turns: list[str] = []

    def paused(name: str, *rest: Any) -> Any:
        turns.append(name)
        if turns == ["ale", "wine"]:  # reserved, and about to rename
            open_registry(store).create_registered_model("ale")
        return append(name, *rest)

    registry._ledger._append = paused  # type: ignore[method-assign]
    with pytest.raises(AlreadyExists):
        registry.rename("wine", "ale")
    found = seen(store)
    assert found["wine"] is not None
    assert found["ale"].versions == {}
    proven(store)


def test_writer_at_the_old_name_voids_the_reservation_and_the_renamer_tries_again() -> None:
    store = prepared()
    registry = open_registry(store, facts=FACTS)
    append = registry._ledger._append
    turns: list[str] = []

    def paused(name: str, *rest: Any) -> Any:
        turns.append(name)
        if turns == ["ale", "wine"]:
            open_registry(store).set_tag("wine", "k", "v")
        return append(name, *rest)

    registry._ledger._append = paused  # type: ignore[method-assign]
    assert registry.rename("wine", "ale").tags == {"k": "v"}
    assert seen(store)["wine"] is None
    proven(store)


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.REPEATED, Fault.LOST_CALL])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_lost_answers_are_settled(command: Callable[[Registry], object], fault: Fault) -> None:
    old, new = seen(prepared()), new_state(command)
    for at in range(1, 100):
        store = prepared()
        entries = sum(open_registry(store)._ledger.newest().values())
        faulty = FaultyStore(store, plan=Plan(at={at: fault}))
        try:
            command(open_registry(faulty, facts=FACTS))
        except StorageFailed:
            assert fault is Fault.LOST_CALL, "a write is settled; a read that failed is told"
            assert seen(store) in (old, new)
            continue
        if faulty.calls < at:
            break
        assert seen(store) == new
        assert sum(open_registry(store)._ledger.newest().values()) - entries <= 4
        proven(store)


def test_stale_listing_decides_nothing() -> None:
    store = prepared()
    faulty = FaultyStore(store, plan=Plan(chances={Fault.STALE_LIST: 1.0}, hidden=3))
    registry = open_registry(faulty, facts=FACTS)
    for number in range(1, 6):
        registry.set_tag("wine", "n", str(number))
        assert registry.get("wine").tags == {"n": str(number)}
    assert registry.verify("wine").is_intact
