"""A registry to test against: made-up facts instead of runs, and a clock that stands still."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from stageline.domain.model import VersionFacts
from stageline.errors import NotFound
from stageline.registry.registry import Registry
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock

TIME = 1_700_000_000_000


@dataclass
class MadeUpFacts:
    """What runs and files would say: of each run that is named here, and of any source."""

    runs: dict[str, VersionFacts] = field(default_factory=dict)
    looks: int = 0

    def look(
        self, run_id: str | None, artifact_path: str | None, source: str | None
    ) -> VersionFacts:
        self.looks += 1
        if run_id is None:
            return VersionFacts(source=source or "")
        if run_id not in self.runs:
            raise NotFound(f"Run with id={run_id} not found")
        return self.runs[run_id]


def new_store() -> MemoryStore:
    return MemoryStore(f"memory://{uuid.uuid4().hex}")


def run(digest: str = "d", **metrics: float) -> VersionFacts:
    return VersionFacts(metrics=metrics, digest=digest, source=f"memory://runs/{digest}")


def open_registry(
    store: ObjectStore,
    actor: str = "ann",
    facts: MadeUpFacts | None = None,
    clock: FixedClock | None = None,
) -> Registry:
    """As another process would: it remembers nothing."""
    return Registry.of(store, clock or FixedClock(TIME), facts or MadeUpFacts(), actor)


def with_versions(store: ObjectStore, count: int, name: str = "wine") -> Registry:
    """A registry with a model of `count` versions."""
    registry = open_registry(store)
    for number in range(1, count + 1):
        registry.register(name, source=f"s3://models/{number}")
    return registry


def stages(registry: Registry, name: str = "wine") -> dict[int, str]:
    return {version.version: version.current_stage for version in registry.versions(name)}
