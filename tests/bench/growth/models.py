"""How the cost of the registry grows with the entries of a model's journal, and with its versions."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from growth.cost import Cost, cost_of
from growth.stores import bucket, journaled, opened

NEWEST = 100
VERSIONS = 10


def entries(size: int, folder: Path) -> list[Cost]:
    """A model of ten versions whose journal has `size` entries."""
    return _measured(size, VERSIONS, folder)


def versions(size: int, folder: Path) -> list[Cost]:
    """A model of `size` versions, each registered and moved once."""
    return _measured(2 * size + 1, size, folder)


def _measured(size: int, count: int, folder: Path) -> list[Cost]:
    store = bucket("models")
    writer = opened(store, folder / "cache")
    journaled(writer, size, count)
    registry = writer.registry
    stages = iter(("Staging", "Production") * 50)

    def fresh():
        return opened(store, folder / "cache").registry

    def warm(step: str, ask) -> Cost:
        return cost_of(step, store, lambda: ask(registry))

    def cold(step: str, ask, times: int = 5) -> Cost:
        return cost_of(step, store, lambda: ask(fresh()), times=times)

    def move(one) -> None:
        one.transition("wine", 1, next(stages))

    def catch_up() -> None:
        registry.get("wine")

    champion = "models:/wine@champion"
    return [
        cost_of("transition, warm", store, lambda: move(registry), before=catch_up),
        cold("transition, cold", move),
        warm("versions, warm", lambda one: one.versions("wine")),
        cold("versions, cold", lambda one: one.versions("wine")),
        warm("alias, warm", lambda one: one.get_by_uri(champion)),
        cold("alias, cold", lambda one: one.get_by_uri(champion)),
        cold(
            f"newest {NEWEST} of the history", lambda one: [*islice(one.backwards("wine"), NEWEST)]
        ),
        cold("all of the history", lambda one: one.history("wine"), times=1),
    ]
