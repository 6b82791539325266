"""The journals of registered models: read what stands, append what was decided, settle who holds a name."""

from __future__ import annotations

import random
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.ids import new_txn
from stageline.domain.model import Actor
from stageline.domain.registry_entry import (
    RegistryEntry,
    chain_hash,
    decode_entry,
    encode_entry,
    unknown_in,
)
from stageline.domain.registry_state import ModelState, fold
from stageline.errors import Conflict, NotAllowed, NotFound, StagelineError, StorageFailed
from stageline.storage import layout
from stageline.storage.journal import Journal
from stageline.storage.probe import create_is_exclusive, ensure_format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

TURNS = 200
"""A writer that loses so many races in a row is told so."""
FIRST_WAIT_S = 0.01
LONGEST_WAIT_S = 1.0


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, why and from where: what each entry says beside its events."""

    actor: Actor
    reason: str = ""
    run_id: str | None = None
    link: str = ""


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


class Change(NamedTuple):
    """What came of a command."""

    state: ModelState
    events: Sequence[ev.KnownEvent]
    """None if there was nothing to do."""
    number: int
    """The entry that says so; the newest one if there was nothing to do."""
    time: int


class Ledger:
    """The journals of one store. Safe from many threads; what it has seen it does not read again."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._journals: dict[str, Journal] = {}
        self._known: dict[str, Standing] = {}
        self._lock = Lock()

    # -- reading ----------------------------------------------------------------------------------

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
        return decode_entry(data, f"entry {number} of the journal of {name!r}"), data

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

    # -- writing ----------------------------------------------------------------------------------

    def change(
        self,
        name: str,
        decide: Callable[[ModelState], Sequence[ev.KnownEvent]],
        context: Context,
    ) -> Change:
        """Append what `decide` makes of the state; decide again whenever somebody else was first.

        One create if the state is known and nobody was. Only a state that was just read can refuse, or need nothing.

        Raises:
            Conflict: so many others were first that it was given up.
            NotAllowed: the store does not refuse to create what exists.
        """
        self._refuse_careless_store()
        standing = self._known.get(name)
        is_fresh = False
        for turn in range(TURNS):
            if standing is None:
                standing, is_fresh = self.read(name), True
            try:
                events = decide(standing.state)
            except StorageFailed:
                raise
            except StagelineError:
                if is_fresh:
                    raise
                standing = None
                continue
            if not events and is_fresh:
                return Change(standing.state, (), standing.number, 0)
            if events:
                if standing.awaits:
                    self._abandon(standing, context)
                elif done := self._append(name, standing, events, context):
                    return done
                self._wait(turn)
            standing, is_fresh = None, False
        raise Conflict(f"model {name!r} is being changed by too many at once; try again")

    def rename(
        self,
        name: str,
        new_name: str,
        decide: Callable[[ModelState, str], Sequence[ev.KnownEvent]],
        reserve: Callable[[ModelState], None],
        context: Context,
    ) -> ModelState:
        """Move a model to another name (design/003). `reserve` raises if the new name is taken."""
        self._refuse_careless_store()
        for turn in range(TURNS):
            here, there = self.read(name), self.read(new_name)
            if here.state.renamed_to == new_name and there.state.came_from == (name, here.number):
                return there.state  # what an earlier call had begun
            txn = new_txn()
            events = decide(here.state, txn)
            reserve(there.state)
            if there.awaits:
                self._abandon(there, context)
                continue
            reservation = ev.NameReserved(source=name, number=here.number + 1, txn=txn)
            if self._append(new_name, there, [reservation], context) and self._append(
                name, here, events, context
            ):
                # The rename stands by now; if this fails, whoever writes there next does it.
                with suppress(StorageFailed):
                    self._write_arrival(new_name, context)
                return self.state(new_name)
            self._wait(turn)
        raise Conflict(f"model {name!r} is being changed by too many at once; try again")

    # -- how --------------------------------------------------------------------------------------

    def _append(
        self,
        name: str,
        standing: Standing,
        events: Sequence[ev.KnownEvent],
        context: Context,
    ) -> Change | None:
        """What was appended, or None if somebody else was first."""
        number = standing.number + 1
        if number == 1:
            ensure_format(self.store, self.clock)
        time = self.clock.now_ms()
        state = fold(standing.state, events, time)  # which has the arrival in it already
        entry = RegistryEntry(
            txn=new_txn(),
            number=number,
            prev=standing.digest,
            time=time,
            actor=context.actor.name,
            reason=context.reason,
            run_id=context.run_id,
            link=context.link,
            events=[msgspec.to_builtins(event) for event in (*standing.arrival, *events)],
            state=state,
        )
        data = encode_entry(entry, standing.unknown)
        if not self.journal(name).append(number, data):
            return None
        if state.reserved is None:
            unknown = unknown_in(data, state) if standing.unknown else None
            self._saw(name, Standing(number, chain_hash(data), state, unknown))
        return Change(state, events, number, time)

    def _decoded(self, name: str, number: int, data: bytes) -> Standing:
        entry = decode_entry(data, f"entry {number} of the journal of {name!r}")
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

    def _abandon(self, standing: Standing, context: Context) -> None:
        """Make the other journal decide against a rename that has stopped half-way, unless it decides for it first."""
        reserved = standing.state.reserved
        assert reserved is not None
        there = self.read(reserved.source)
        if there.number == reserved.number - 1:
            abandoned = ev.RenameAbandoned(to=standing.state.name)
            self._append(reserved.source, there, [abandoned], context)

    def _write_arrival(self, name: str, context: Context) -> None:
        """Spare later readers the look at the other journal. If it fails, somebody else will do it."""
        standing = self.read(name)
        if standing.arrival:
            self._append(name, standing, [], context)

    def _saw(self, name: str, standing: Standing) -> Standing:
        if standing.awaits:
            return standing  # another journal may decide at any moment
        with self._lock:
            known = self._known.get(name)
            if known is None or known.number <= standing.number:
                self._known[name] = standing
        return standing

    def _wait(self, turn: int) -> None:
        """Let the others finish: longer each time, and never all the same."""
        longest = min(FIRST_WAIT_S * 2 ** min(turn, 10), LONGEST_WAIT_S)
        self.clock.sleep(random.uniform(0, longest))

    def _refuse_careless_store(self) -> None:
        if not create_is_exclusive(self.store):
            raise NotAllowed(
                f"{self.store.url} does not refuse to create what exists, so two promotions at once could both "
                "seem to win: the registry can not be kept there. Runs can. Keep the registry in S3, Google Cloud "
                "Storage, Azure or a folder; `stageline doctor` tells what a store can do"
            )
