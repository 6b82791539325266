"""A transition as others are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain.registry_events import StageChanged

if TYPE_CHECKING:
    from stageline.domain.registry_entry import RegistryEntry


class TransitionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A version went from one stage to another."""

    name: str
    version: int
    from_stage: str
    to_stage: str
    actor: str
    time: int
    """Unix milliseconds by the writer's clock."""
    entry: int
    """The entry of the model's journal that says so."""
    cause: str
    request: int | None = None
    reason: str = ""
    run_id: str | None = None
    """The run that the transition was made from."""
    link: str = ""
    txn: str = ""
    """Of the entry: no other one of any store has it."""

    @property
    def key(self) -> str:
        """The same for the same transition, whoever asks and how often: what to deduplicate by."""
        return f"{self.name}:{self.entry}:{self.version}"


def transitions_in(name: str, entry: RegistryEntry) -> list[TransitionEvent]:
    """The transitions that an entry of a model's journal tells of."""
    return [
        TransitionEvent(
            name=name,
            version=event.version,
            from_stage=event.from_stage,
            to_stage=event.to_stage,
            actor=entry.actor,
            time=entry.time,
            entry=entry.number,
            cause=event.cause.value,
            request=event.request,
            reason=entry.reason,
            run_id=entry.run_id,
            link=entry.link,
            txn=entry.txn,
        )
        for event in entry.happened
        if isinstance(event, StageChanged)
    ]
