"""An entry of a model's history, as a reader of it sees it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.registry_entry import chain_hash, decode_head, decode_stages, decode_state
from stageline.domain.registry_events import RegistryEvent, decode_event
from stageline.domain.registry_words import sentence

if TYPE_CHECKING:
    from stageline.domain.registry_state import ModelState


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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
    stored_state: bytes
    """The model after it, as JSON."""
    digest: str
    """sha256 of the entry's bytes, which the next entry names."""

    @property
    def summary(self) -> str:
        """What happened, in words."""
        return "; ".join(sentence(event) for event in self.events)

    @cached_property
    def state(self) -> ModelState:
        """The model after it, read when it is first asked for. Raises `Corrupt`."""
        return decode_state(self.stored_state, self._what)

    @cached_property
    def stages(self) -> dict[int, str]:
        """Where each version is after it, at a fraction of what `state` takes; empty for no model. Raises `Corrupt`."""
        return decode_stages(self.stored_state, self._what)

    @property
    def _what(self) -> str:
        return f"the state of {self.name!r} as of entry {self.number}"


def told(name: str, number: int, data: bytes) -> HistoryEntry:
    """Entry `number` of the journal of `name`, out of its bytes. Raises `Corrupt`, `NotAllowed` if it is newer."""
    head = decode_head(data, name, number)
    return HistoryEntry(
        name=name,
        number=number,
        time=head.time,
        actor=head.actor,
        reason=head.reason,
        run_id=head.run_id,
        link=head.link,
        events=tuple(decode_event(raw) for raw in head.events),
        stored_state=bytes(head.state),
        digest=chain_hash(data),
    )
