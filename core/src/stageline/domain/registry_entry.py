"""An entry of a registered model's journal: what happened, who did it, and the state after it; chained by hashes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from stageline.domain.document import (
    UNREADABLE,
    check_format,
    decode_document,
    encode_document,
    readable,
)
from stageline.domain.model import Stage
from stageline.domain.model_state import ModelState, Phase
from stageline.domain.registry_events import RegistryEvent, decode_event
from stageline.errors import Corrupt

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


class EntryHead(msgspec.Struct, frozen=True, kw_only=True):
    """An entry whose state is not read yet: a long history is mostly states, and few of them are asked for."""

    format: str
    txn: str
    number: int
    prev: str
    time: int
    actor: str
    reason: str = ""
    run_id: str | None = None
    link: str = ""
    events: list[dict[str, Any]]
    state: msgspec.Raw


class _Placed(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    current_stage: str = Stage.NONE.value


class _Places(msgspec.Struct, frozen=True, kw_only=True):
    phase: Phase = Phase.ABSENT
    versions: dict[str, _Placed] = {}


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class _Formatted(msgspec.Struct, frozen=True, kw_only=True):
    format: str | None = None


def encode_entry(entry: RegistryEntry, unknown: dict[str, Any] | None) -> bytes:
    """The entry's bytes; what a later version put into the state before it is kept."""
    return encode_document(entry, {"state": unknown} if unknown else None)


def decode_entry(data: bytes, what: str) -> RegistryEntry:
    """An entry. Raises `Corrupt`, `NotAllowed` if it is newer."""
    return decode_document(data, RegistryEntry, REGISTRY_FORMAT, what)[0]


def decode_head(data: bytes, name: str, number: int) -> EntryHead:
    """Entry `number` of the journal of `name`. Raises `Corrupt`, also if it is another's; `NotAllowed` if newer."""
    what = f"entry {number} of the journal of {name!r}"
    try:
        check_format(msgspec.json.decode(data, type=_Formatted).format, REGISTRY_FORMAT, what)
        head = msgspec.json.decode(data, type=readable(EntryHead))
        holder = msgspec.json.decode(head.state, type=readable(_Named)).name
    except UNREADABLE as error:
        raise Corrupt(f"{what} can not be read: {error}") from error
    check_place(what, (head.number, holder), (number, name))
    return head


def decode_state(data: bytes, what: str) -> ModelState:
    """The state of an entry. Raises `Corrupt`."""
    try:
        return msgspec.json.decode(data, type=readable(ModelState))
    except UNREADABLE as error:
        raise Corrupt(f"{what} can not be read: {error}") from error


def decode_stages(data: bytes, what: str) -> dict[int, str]:
    """Version -> stage, out of an entry's state and of nothing else there; empty for no model. Raises `Corrupt`."""
    try:
        places = msgspec.json.decode(data, type=readable(_Places))
    except UNREADABLE as error:
        raise Corrupt(f"{what} can not be read: {error}") from error
    if places.phase is not Phase.ACTIVE:
        return {}
    return {one.version: one.current_stage for one in places.versions.values()}


def check_place(what: str, found: tuple[int, str], expected: tuple[int, str]) -> None:
    """Refuse an entry that lies where another should: number and name of both. Raises `Corrupt`."""
    if found != expected:
        number, name = found
        raise Corrupt(f"{what} holds entry {number} of {name!r}: put back the object from a backup")


def unknown_in(data: bytes, state: ModelState) -> dict[str, Any] | None:
    """The stored state of an entry if anything in it is unknown here, for `encode_entry` to keep; else None."""
    stored: dict[str, Any] = msgspec.json.decode(data)["state"]
    return None if stored == msgspec.json.decode(msgspec.json.encode(state)) else stored


def chain_hash(data: bytes) -> str:
    """What the next entry says of this one."""
    return hashlib.sha256(data).hexdigest()
