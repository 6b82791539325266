"""Which metric, param and tag keys a projection knows, and where the values of each stand.

The first keys that come, the most frequent of them first, get a column of the wide table each; the values of the others
stand in a table of their own, `extra`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from stageline.domain.summary import RunSummary

METRIC, PARAM, TAG = KINDS = ("m", "p", "t")

# SQLite allows 2000 columns; each that a scan has to step over costs it a little, so 600 it is.
SLOTS = 200
LONG_TEXT = 1_000
"""A key that brings a text longer than this gets no column: it would spread rows over several pages."""

ATTRIBUTES = ("rid", "run_id", "start_time", "end_time", "status", "user_id", "run_name", "deleted")


class Place(NamedTuple):
    """Where a key's values stand."""

    key_id: int
    column: str | None
    """None: in `extra`."""


def find_place(db: sqlite3.Connection, kind: str, key: str) -> Place | None:
    """Where the values of `key` stand; None if no run has it."""
    query = "SELECT key_id, slot FROM keys WHERE kind = ? AND key = ?"
    found = db.execute(query, (kind, key)).fetchone()
    return Place(found[0], _column(kind, found[1])) if found else None


class KeyTable:
    """All keys, as one transaction knows them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[str, set[str]] = {kind: set() for kind in KINDS}
        self._highest = 0
        self.columns: list[str] = list(ATTRIBUTES)
        """Of the wide table."""
        self.positions: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        """Kind -> key -> its column's place in `columns`."""
        self.extra: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        """Kind -> key that has no column -> its id."""
        for found in db.execute("SELECT key_id, kind, key, slot FROM keys"):
            self._add(*found)

    def take_new(self, summaries: Iterable[RunSummary]) -> None:
        """Give a place to each key that has none."""
        counts: Counter[tuple[str, str]] = Counter()
        longest: Counter[tuple[str, str]] = Counter()
        for summary in summaries:
            for new, length in self._new_keys(summary):
                counts[new] += 1
                longest[new] = max(longest[new], length)
        for (kind, key), _ in counts.most_common():
            slot = len(self.positions[kind])
            has_column = slot < SLOTS and longest[kind, key] <= LONG_TEXT
            self._create(kind, key, slot if has_column else None)

    def _new_keys(self, summary: RunSummary) -> Iterator[tuple[tuple[str, str], int]]:
        """Each, and the length of its text."""
        if not summary.metrics.keys() <= self._known[METRIC]:
            for key in summary.metrics.keys() - self._known[METRIC]:
                yield (METRIC, key), 0
        if not summary.params.keys() <= self._known[PARAM]:
            for key in summary.params.keys() - self._known[PARAM]:
                yield (PARAM, key), len(summary.params[key][1])
        if not summary.tags.keys() <= self._known[TAG]:
            for key in summary.tags.keys() - self._known[TAG]:
                text = summary.tags[key][1]
                if text is not None:
                    yield (TAG, key), len(text)

    def _create(self, kind: str, key: str, slot: int | None) -> None:
        key_id = self._highest + 1
        self._db.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (key_id, kind, key, slot))
        if slot is not None:
            self._db.execute(f"ALTER TABLE runs ADD COLUMN {_column(kind, slot)}")
        self._add(key_id, kind, key, slot)

    def _add(self, key_id: int, kind: str, key: str, slot: int | None) -> None:
        self._known[kind].add(key)
        self._highest = max(self._highest, key_id)
        column = _column(kind, slot)
        if column is None:
            self.extra[kind][key] = key_id
        else:
            self.positions[kind][key] = len(self.columns)
            self.columns.append(column)


def _column(kind: str, slot: int | None) -> str | None:
    return None if slot is None else f"{kind}{slot}"
