"""The journals of registered models, written: append what was decided, settle who holds a name (docs/design/003)."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.ids import new_txn
from stageline.domain.model import Actor
from stageline.domain.registry_entry import RegistryEntry, chain_hash, encode_entry, unknown_in
from stageline.domain.registry_state import ModelState, fold
from stageline.errors import Conflict, NotAllowed, StagelineError, StorageFailed
from stageline.registry.announcing import announce
from stageline.registry.journals import Journals, Standing
from stageline.storage.probe import create_is_exclusive, ensure_format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


class Change(NamedTuple):
    """What came of a command."""

    state: ModelState
    events: Sequence[ev.KnownEvent]
    """None if there was nothing to do."""
    number: int
    """The entry that says so; the newest one if there was nothing to do."""
    time: int


class Ledger(Journals):
    """The journals of one store, and how they grow. Safe from many threads and hosts."""

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
        self.refuse_careless_store()
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
        self.refuse_careless_store()
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
        announce(name, entry)
        return Change(state, events, number, time)

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

    def _wait(self, turn: int) -> None:
        """Let the others finish: longer each time, and never all the same."""
        longest = min(FIRST_WAIT_S * 2 ** min(turn, 10), LONGEST_WAIT_S)
        self.clock.sleep(random.uniform(0, longest))

    def refuse_careless_store(self) -> None:
        """Raise `NotAllowed` if the store does not refuse to create what exists."""
        if not create_is_exclusive(self.store):
            raise NotAllowed(
                f"{self.store.url} does not refuse to create what exists, so two promotions at once could both "
                "seem to win: the registry can not be kept there. Runs can. Keep the registry in S3, Google Cloud "
                "Storage, Azure or a folder; `stageline doctor` tells what a store can do"
            )
