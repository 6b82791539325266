"""A transition as others are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from stageline.domain.registry_events import StageChanged

if TYPE_CHECKING:
    from stageline.domain.registry_entry import RegistryEntry


class Told(Protocol):
    """The part of an entry, as it is stored or as history shows it, that says who did something, when and why."""

    @property
    def number(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def link(self) -> str: ...


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


def transition_of(name: str, entry: Told, event: StageChanged, txn: str = "") -> TransitionEvent:
    """What `event` of an entry of the model `name` tells."""
    return TransitionEvent(
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
        txn=txn,
    )


def transitions_in(name: str, entry: RegistryEntry) -> list[TransitionEvent]:
    """The transitions that an entry of a model's journal tells of."""
    return [
        transition_of(name, entry, event, entry.txn)
        for event in entry.happened
        if isinstance(event, StageChanged)
    ]
