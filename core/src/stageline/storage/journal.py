"""A numbered journal: entry n+1 exists once, and whoever creates it has decided what it says."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import InvalidInput, NotFound
from stageline.storage.commit import rival
from stageline.storage.layout import revision, revision_number

if TYPE_CHECKING:
    from stageline.storage.port import Entry, ObjectStore

# Registry entries are a few kilobytes: enough for a form that is read and answered, small for a long process.
_REMEMBERED = 32
_REMEMBERED_BYTES = 1 << 20


class JournalEntry(NamedTuple):
    """What was decided, and as the how-manieth."""

    number: int
    data: bytes


class Journal:
    """The entries under one folder, as bytes, numbered from 1 without gaps. Safe to use from many threads.

    A listing may be stale, so `latest` may lag behind other writers, but never behind this object.
    `append` can not be stale: a number that is taken is refused.
    """

    def __init__(self, store: ObjectStore, prefix: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._store = store
        self._prefix = prefix
        self._clock = clock
        self._lock = Lock()
        self._newest = 0
        self._cache: OrderedDict[int, bytes] = OrderedDict()

    @property
    def newest_seen(self) -> int:
        """The greatest number that this object knows to exist; 0 before it looked or if there is none."""
        return self._newest

    def latest(self) -> JournalEntry | None:
        """The newest entry, or None in an empty journal: one listing and at most one read."""
        number = max(self._newest_listed(), self._newest)
        return JournalEntry(number, self.read(number)) if number else None

    def latest_for_sure(self) -> JournalEntry | None:
        """As `latest`, where a stale listing would decide wrongly: reads on until a number is not there."""
        entry = self.latest()
        number = entry.number if entry else 0
        while True:
            try:
                entry = JournalEntry(number + 1, self.read(number + 1))
            except NotFound:
                return entry
            number = entry.number

    def append(self, number: int, data: bytes) -> bool:
        """Decide entry `number`: True if it now holds `data`, False if it holds what somebody else wrote.

        `number` follows the newest entry that was seen; `data` is unique to the caller (see `commit`).
        One create when all goes well. Raises `StorageFailed` if the outcome is unknown.
        """
        if not 1 <= number <= self._newest + 1:
            raise InvalidInput(
                f"entry {number} would leave a gap in journal {self._prefix!r}, whose newest known entry is "
                f"{self._newest}: call latest() and append the number after it"
            )
        if number <= self._newest:
            return self.read(number) == data
        other = rival(self._store, self._key(number), data, clock=self._clock)
        self._remember(number, data if other is None else other)
        return other is None

    def read(self, number: int) -> bytes:
        """Entry `number`. Raises `NotFound`."""
        with self._lock:
            cached = self._cache.get(number)
        if cached is not None:
            return cached
        data = self._store.read(self._key(number))
        self._remember(number, data)
        return data

    def numbers(self) -> list[int]:
        """The numbers that the listing shows, oldest first: one listing."""
        listed = sorted(_numbers(self._store.list(self._prefix, deep=False)))
        self._saw(listed[-1] if listed else 0)
        return listed

    def entries(self, since: int = 0) -> list[JournalEntry]:
        """The entries after number `since`, oldest first: one listing, and one read for each."""
        return [
            JournalEntry(number, self.read(number)) for number in self.numbers() if number > since
        ]

    def _key(self, number: int) -> str:
        return self._prefix + revision(number)

    def _newest_listed(self) -> int:
        first = self._store.list(self._prefix, deep=False, limit=1)
        if not first:
            return 0
        newest = max(_numbers(first), default=0)
        # Something else sorts first, such as a desktop's .DS_Store: look past it.
        return newest or max(_numbers(self._store.list(self._prefix, deep=False)), default=0)

    def _remember(self, number: int, data: bytes) -> None:
        self._saw(number)
        if len(data) > _REMEMBERED_BYTES:
            return
        with self._lock:
            self._cache[number] = data
            self._cache.move_to_end(number)
            if len(self._cache) > _REMEMBERED:
                self._cache.popitem(last=False)

    def _saw(self, number: int) -> None:
        with self._lock:
            self._newest = max(self._newest, number)


def _numbers(listing: list[Entry]) -> list[int]:
    found = []
    for entry in listing:
        try:
            found.append(revision_number(entry.key))
        except ValueError:
            continue
    return found
