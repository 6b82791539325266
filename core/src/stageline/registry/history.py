"""The use cases of a model's past: its history, its state at any date, and the proof that nobody changed either."""

from __future__ import annotations

from datetime import datetime
from itertools import dropwhile
from typing import TYPE_CHECKING

from stageline.domain.registry_entry import chain_hash
from stageline.domain.registry_names import check_model_name
from stageline.errors import InvalidInput, NotFound
from stageline.registry.history_entry import HistoryEntry, told
from stageline.registry.lookback import backwards
from stageline.registry.proof import Proof, find_problem
from stageline.registry.requests import Requests
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.domain.registry_state import ModelState


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
        return [*self.backwards(name, as_of=as_of)][::-1]

    def as_of(self, name: str, when: int | datetime) -> ModelState:
        """The model as it stood at a date. Raises `NotFound` if it was not there then."""
        last = next(self.backwards(name, as_of=when), None)
        if last is None or not last.state.is_active:
            raise NotFound(f"Registered Model with name={name} was not there at {when}")
        return last.state

    def backwards(
        self, name: str, *, as_of: int | datetime | None = None
    ) -> Iterator[HistoryEntry]:
        """As `history`, the newest first, and read a few at a time: for what is likely to have happened lately.

        Raises `NotFound` when the first entry is asked for.
        """
        entries = backwards(self._ledger, check_model_name(name), self._history_entry)
        if as_of is None:
            return entries
        until = _milliseconds(as_of)
        return dropwhile(lambda entry: entry.time > until, entries)

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
            problem = find_problem(name, number, head, data)
            if problem:
                return Proof(name, number, head, number, problem)
            assert data is not None
            head = chain_hash(data)
        return Proof(name, len(found), head)

    def verify_all(self) -> list[Proof]:
        """`verify` for every name that was ever used, in order."""
        return [self.verify(name) for name in sorted(self._ledger.newest())]

    def _history_entry(self, name: str, number: int) -> HistoryEntry:
        return told(name, number, self._ledger.journal(name).read(number))


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
