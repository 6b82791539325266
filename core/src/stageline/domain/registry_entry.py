"""An entry of a registered model's journal: what happened, who did it, and the state after it; chained by hashes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.registry_events import RegistryEvent, decode_event
from stageline.domain.registry_state import ModelState

REGISTRY_FORMAT = "stageline.registry/1"


class RegistryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Entry `number` of the journal of one name."""

    format: str = REGISTRY_FORMAT
    txn: str
    number: int
    prev: str
    """sha256 of the bytes of the entry before, in hexadecimal; empty in the first."""
    time: int
    """Unix time in milliseconds by the writer's clock; order is the number's, never the time's."""
    actor: str
    reason: str = ""
    run_id: str | None = None
    """The run from which it was done."""
    link: str = ""
    """The orchestrator's page of it."""
    events: list[dict[str, Any]]
    state: ModelState

    @property
    def happened(self) -> list[RegistryEvent]:
        """The events."""
        return [decode_event(raw) for raw in self.events]


def encode_entry(entry: RegistryEntry, unknown: dict[str, Any] | None) -> bytes:
    """The entry's bytes; what a later version put into the state before it is kept."""
    return encode_document(entry, {"state": unknown} if unknown else None)


def decode_entry(data: bytes, what: str) -> RegistryEntry:
    """An entry. Raises `Corrupt`, `NotAllowed` if it is newer."""
    return decode_document(data, RegistryEntry, REGISTRY_FORMAT, what)[0]


def unknown_in(data: bytes, state: ModelState) -> dict[str, Any] | None:
    """The stored state of an entry if anything in it is unknown here, for `encode_entry` to keep; else None."""
    stored: dict[str, Any] = msgspec.json.decode(data)["state"]
    return None if stored == msgspec.json.decode(msgspec.json.encode(state)) else stored


def chain_hash(data: bytes) -> str:
    """What the next entry says of this one."""
    return hashlib.sha256(data).hexdigest()
