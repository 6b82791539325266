"""The use cases of a model's past: its history, its state at any date, and the proof that nobody changed either."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.document import UNREADABLE
from stageline.domain.registry_entry import chain_hash, decode_entry
from stageline.domain.registry_events import ModelArrived, ModelCreated, NameReserved
from stageline.domain.registry_names import check_model_name
from stageline.errors import InvalidInput, NotAllowed, NotFound, StagelineError, StorageFailed
from stageline.registry.requests import Requests
from stageline.storage.parallel import together

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


class Proof(NamedTuple):
    """Whether a journal is what its writers wrote."""

    name: str
    entries: int
    """How many were checked."""
    head: str
    """sha256 of the newest entry: note it elsewhere, and the past can not be replaced unseen."""
    broken: int | None = None
    """The first entry that is not what it should be; None if all are."""
    problem: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None


class History(Requests):
    """What became of a model."""

    def history(self, name: str, *, as_of: int | datetime | None = None) -> list[HistoryEntry]:
        """Everything that happened to a model, the oldest first, through its former names.

        Args:
            name: A registered model, also one that was deleted or renamed.
            as_of: Unix milliseconds or a datetime with a zone: up to the last entry, in entry order, that is not later.

        Raises:
            NotFound: nothing was ever recorded under the name.
        """
        name = check_model_name(name)
        entries = self._line(name)
        if not entries:
            raise NotFound(f"Registered Model with name={name} not found")
        if as_of is None:
            return entries
        until = _milliseconds(as_of)
        last = max((at for at, one in enumerate(entries) if one.time <= until), default=-1)
        return entries[: last + 1]

    def as_of(self, name: str, when: int | datetime) -> ModelState:
        """The model as it stood at a date. Raises `NotFound` if it was not there then."""
        entries = self.history(name, as_of=when)
        if not entries or not entries[-1].state.is_active:
            raise NotFound(f"Registered Model with name={name} was not there at {when}")
        return entries[-1].state

    def verify(self, name: str) -> Proof:
        """Read the whole journal and check that each entry names the bytes of the one before.

        The newest entry has no successor to vouch for it: compare `head` with one that was noted earlier.

        Raises:
            NotFound: nothing was ever recorded under the name.
        """
        name = check_model_name(name)
        journal = self._ledger.journal(name)
        numbers = journal.numbers()
        if not numbers:
            raise NotFound(f"Registered Model with name={name} not found")
        head = ""
        # Not the journal's own memory: what lies in the store is what is to be proven.
        found = together(
            lambda number: self._ledger.stored(name, number), range(1, numbers[-1] + 1)
        )
        for number, data in enumerate(found, start=1):
            problem = _problem(name, number, head, data)
            if problem:
                return Proof(name, number, head, number, problem)
            assert data is not None
            head = chain_hash(data)
        return Proof(name, len(found), head)

    def verify_all(self) -> list[Proof]:
        """`verify` for every name that was ever used, in order."""
        return [self.verify(name) for name in sorted(self._ledger.newest())]

    def _line(self, name: str) -> list[HistoryEntry]:
        """The entries of a name, with those of the model's former names where it came from there."""
        standing = self._ledger.read(name)
        came: tuple[str, int] | None = standing.state.came_from if standing.arrival else None
        own = self._entries(name)
        line: list[HistoryEntry] = []
        entries, end = own, standing.number
        while True:
            life = [one for one in entries if one.number <= end]
            came = came or _arrival(life)
            if came is None:
                break
            start = _reservation(life, came)
            line = [*life[start:], *line]
            (source, end), came = came, None
            entries = self._entries(source)
        line = [*life, *line]
        # An earlier life of the name is another model's, and of the same history.
        told = {(one.name, one.number) for one in line}
        return [*(one for one in own if (one.name, one.number) not in told), *line]

    def _entries(self, name: str) -> list[HistoryEntry]:
        numbers = self._ledger.journal(name).numbers()
        return together(lambda number: self._history_entry(name, number), numbers)

    def _history_entry(self, name: str, number: int) -> HistoryEntry:
        entry, data = self._ledger.entry(name, number)
        return HistoryEntry(
            name=name,
            number=number,
            time=entry.time,
            actor=entry.actor,
            reason=entry.reason,
            run_id=entry.run_id,
            link=entry.link,
            events=tuple(entry.happened),
            state=entry.state,
            digest=chain_hash(data),
        )


def _arrival(life: list[HistoryEntry]) -> tuple[str, int] | None:
    """Where the model that lived last came from; None if it was created here."""
    for entry in reversed(life):
        for event in reversed(entry.events):
            if isinstance(event, ModelArrived):
                return event.source, event.number
            if isinstance(event, ModelCreated):
                return None
    return None


def _reservation(life: list[HistoryEntry], came: tuple[str, int]) -> int:
    """The position of the entry that kept the name for it."""
    for position in range(len(life) - 1, -1, -1):
        for event in life[position].events:
            if isinstance(event, NameReserved) and (event.source, event.number) == came:
                return position
    return 0


def _problem(name: str, number: int, head: str, data: bytes | None) -> str:
    if data is None:
        return f"entry {number} is missing"
    try:
        entry = decode_entry(data, f"entry {number}")
    except (StorageFailed, NotAllowed):
        raise
    except (StagelineError, *UNREADABLE) as error:
        return f"entry {number} can not be read: {error}"
    if entry.number != number:
        return f"entry {number} says that it is entry {entry.number}"
    if entry.prev != head:
        return (
            f"entry {number} follows an entry {number - 1} with the sha256 {entry.prev or '(none)'}, and there is one "
            f"with {head or '(none)'}: entry {number - 1} was changed, or entry {number} was"
        )
    if entry.state.name != name:
        return f"entry {number} is about {entry.state.name!r}"
    return ""


def _milliseconds(when: int | datetime) -> int:
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise InvalidInput(
                f"Invalid date {when}: give it a time zone, such as datetime.timezone.utc"
            )
        return int(when.timestamp() * 1000)
    if isinstance(when, bool) or not isinstance(when, int):
        raise InvalidInput(f"Invalid date {when!r}: expected Unix milliseconds or a datetime")
    return when
