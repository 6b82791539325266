"""An entry of a model's history, as a reader of it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.registry_words import sentence

if TYPE_CHECKING:
    from stageline.domain.registry_events import RegistryEvent
    from stageline.domain.registry_state import ModelState


class HistoryEntry(NamedTuple):
    """What happened at once, and the model after it."""

    name: str
    """The name that the model had then."""
    number: int
    time: int
    """Unix time in milliseconds by the writer's clock: information. The order is that of the entries."""
    actor: str
    reason: str
    run_id: str | None
    link: str
    events: tuple[RegistryEvent, ...]
    state: ModelState
    digest: str
    """sha256 of the entry's bytes, which the next entry names."""

    @property
    def summary(self) -> str:
        """What happened, in words."""
        return "; ".join(sentence(event) for event in self.events)
