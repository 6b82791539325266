"""The registry of one store, whole: what `Workspace.registry` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.model import Actor
from stageline.registry.copying import Copying
from stageline.registry.ledger import Context, Ledger

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.registry.copying import Home
    from stageline.registry.facts import ModelFacts
    from stageline.storage.port import ObjectStore


class Registry(Copying):
    """Registered models, versions, stages, gates, requests, history, events, and copies in other stores.

    Safe from many threads and hosts: whatever races for one model has one order, and each is judged on what the one
    before left. A store that does not refuse to create what exists is refused, before anything is written to it.

        registry = workspace.registry
        version = registry.register("wine", run_id=run_id, artifact_path="model")
        registry.transition("wine", version.version, "Production", archive_existing=True)
    """

    @classmethod
    def of(
        cls,
        store: ObjectStore,
        clock: Clock,
        facts: ModelFacts,
        actor: str,
        home: Home | None = None,
    ) -> Registry:
        """The registry in `store`; `actor` is whoever acts unless a call says otherwise, `home` where it lives."""
        return cls(Ledger(store, clock), facts, Context(actor=Actor(actor)), home)
