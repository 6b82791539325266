"""The journals of registered models, read: what stands in each, and who holds a name (docs/design/003)."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.registry_entry import (
    RegistryEntry,
    chain_hash,
    check_place,
    decode_entry,
    unknown_in,
)
from stageline.domain.registry_state import ModelState, fold
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.journal import Journal

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore


class Standing(NamedTuple):
    """What stands in a journal as of entry `number`."""

    number: int
    digest: str
    """Of that entry's bytes: what the next entry says of it."""
    state: ModelState
    unknown: dict[str, Any] | None
    """The state as it is stored, if a later version put something into it."""
    arrival: tuple[ev.KnownEvent, ...] = ()
    """What the next entry begins with: the model came from another name, and nobody has written that down here."""
    awaits: bool = False
    """The name is reserved, and the other journal has not decided."""


class Journals:
    """The journals of one store. Safe from many threads; what it has seen it does not read again."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._journals: dict[str, Journal] = {}
        self._known: dict[str, Standing] = {}
        self._lock = Lock()

    def journal(self, name: str) -> Journal:
        """The journal of a name, as bytes."""
        with self._lock:
            if name not in self._journals:
                self._journals[name] = Journal(
                    self.store, layout.model_journal(name), clock=self.clock
                )
            return self._journals[name]

    def read(self, name: str) -> Standing:
        """What stands now: one listing, and one get if there is an entry that was not seen before."""
        latest = self.journal(name).latest()
        if latest is None:
            return Standing(0, "", ModelState(name=name), None)
        known = self._known.get(name)
        if known is not None and known.number == latest.number:
            return known
        return self._decoded(name, latest.number, latest.data)

    def state(self, name: str) -> ModelState:
        """The state that stands now."""
        return self.read(name).state

    def at(self, name: str, number: int) -> Standing:
        """What stands as of an entry that is known to be the newest."""
        known = self._known.get(name)
        if known is not None and known.number == number:
            return known
        return self._decoded(name, number, self.journal(name).read(number))

    def entry(self, name: str, number: int) -> tuple[RegistryEntry, bytes]:
        """One entry, decoded and as bytes. Raises `NotFound`."""
        data = self.journal(name).read(number)
        return _entry(name, number, data), data

    def stored(self, name: str, number: int) -> bytes | None:
        """One entry as it lies in the store, whatever was seen before; None if it is not there."""
        try:
            return self.store.read(layout.model_journal(name) + layout.revision(number))
        except NotFound:
            return None

    def newest(self) -> dict[str, int]:
        """The number of the newest entry of each journal of the store: one listing."""
        newest: dict[str, int] = {}
        for listed in self.store.list(layout.REGISTRY):
            try:
                name = layout.model_of_entry(listed.key)
                number = layout.revision_number(listed.key)
            except ValueError:
                continue
            newest[name] = max(newest.get(name, 0), number)
        return newest

    # -- how --------------------------------------------------------------------------------------

    def _decoded(self, name: str, number: int, data: bytes) -> Standing:
        entry = _entry(name, number, data)
        unknown = unknown_in(data, entry.state)
        return self._saw(name, self._resolved(number, chain_hash(data), entry.state, unknown))

    def _resolved(
        self, number: int, digest: str, state: ModelState, unknown: dict[str, Any] | None
    ) -> Standing:
        """The standing after an entry, with what another journal decides if the name is reserved."""
        reserved = state.reserved
        if reserved is None:
            return Standing(number, digest, state, unknown)
        try:
            entry, _ = self.entry(reserved.source, reserved.number)
        except NotFound:
            return Standing(number, digest, state, unknown, awaits=True)
        renames = [one for one in entry.happened if isinstance(one, ev.ModelRenamed)]
        if not renames or renames[-1].txn != reserved.txn:
            return Standing(number, digest, state, unknown)
        before = self._before(reserved.source, reserved.number, entry)
        arrival = ev.ModelArrived(source=reserved.source, number=reserved.number, state=before)
        state = fold(state, [arrival], entry.time)
        return Standing(number, digest, state, before, (arrival,))

    def _before(self, name: str, number: int, renaming: RegistryEntry) -> dict[str, Any]:
        """The state that a rename took away, with what is unknown here."""
        entry, data = self.entry(name, number - 1)
        before: dict[str, Any] = msgspec.json.decode(data)["state"]
        came = [event for event in renaming.happened if isinstance(event, ev.ModelArrived)]
        if came:  # it came and went before anybody else wrote there
            before = msgspec.to_builtins(fold(entry.state, came, renaming.time))
        return before

    def _saw(self, name: str, standing: Standing) -> Standing:
        if standing.awaits:
            return standing  # another journal may decide at any moment
        with self._lock:
            known = self._known.get(name)
            if known is None or known.number <= standing.number:
                self._known[name] = standing
        return standing


def _entry(name: str, number: int, data: bytes) -> RegistryEntry:
    what = f"entry {number} of the journal of {name!r}"
    entry = decode_entry(data, what)
    check_place(what, (entry.number, entry.state.name), (number, name))
    return entry
