"""Run summaries as rows of the projection's wide table: which key has a column, and what stands in it.

The most frequent keys that come first get columns; the others stand in a table of their own, `extra`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.run import TAG_RUN_NAME, TAG_USER, RunStatus

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from stageline.domain.summary import RunSummary

METRIC, PARAM, TAG = "m", "p", "t"
TAG_DATASET_CONTEXT = "mlflow.data.context"

# SQLite allows 2000 columns; each that is not null costs a scan a little, so 600 it is.
SLOTS = 200
LONG_TEXT = 1_000
"""A key that brings a text longer than this gets no column: it would spread rows over several pages."""

ATTRIBUTES = ("rid", "run_id", "start_time", "end_time", "status", "user_id", "run_name", "deleted")
NAN = "NaN"
"""How NaN is stored, since SQLite turns it into NULL; the columns of metrics have no affinity."""

_INT64_MAX = 2**63 - 1

Key = tuple[str, str]
"""Kind and key."""


class Place(NamedTuple):
    """Where a key's values stand."""

    key_id: int
    column: str | None
    """None: in `extra`."""


class Row(NamedTuple):
    """One run, to be written."""

    rid: int
    summary: RunSummary
    body: bytes


def find_place(db: sqlite3.Connection, kind: str, key: str) -> Place | None:
    """Where the values of `key` stand; None if no run has it."""
    found = db.execute(
        "SELECT key_id, slot FROM keys WHERE kind = ? AND key = ?", (kind, key)
    ).fetchone()
    return Place(found[0], _column(kind, found[1])) if found else None


def write_rows(db: sqlite3.Connection, rows: list[Row]) -> bool:
    """Insert or replace `rows`. Returns whether any text holds a NUL, which SQLite's LIKE does not see past."""
    places = _places(db, (row.summary for row in rows))
    columns = [place.column for place in places.values() if place.column]
    writing = _Writing(places, {name: at for at, name in enumerate(columns, len(ATTRIBUTES))})
    marks = ", ".join("?" * (len(ATTRIBUTES) + len(columns)))
    db.executemany(
        f"INSERT OR REPLACE INTO runs ({', '.join([*ATTRIBUTES, *columns])}) VALUES ({marks})",
        map(writing.values, rows),
    )
    db.executemany(
        "INSERT OR REPLACE INTO bodies VALUES (?, ?)", ((row.rid, row.body) for row in rows)
    )
    db.executemany("DELETE FROM extra WHERE key_id = ? AND rid = ?", writing.removed)
    db.executemany("INSERT OR REPLACE INTO extra VALUES (?, ?, ?)", writing.extra)
    _write_inputs(db, rows)
    return writing.has_nul


class _Writing:
    """Turns summaries into values for the wide table, and gathers what has no column there."""

    def __init__(self, places: dict[Key, Place], positions: dict[str, int]) -> None:
        self._width = len(ATTRIBUTES) + len(positions)
        self._key_ids = {key: place.key_id for key, place in places.items()}
        self._at: dict[str, dict[str, int]] = {METRIC: {}, PARAM: {}, TAG: {}}
        for (kind, key), place in places.items():
            if place.column:
                self._at[kind][key] = positions[place.column]
        self.extra: list[tuple[int, int, object]] = []
        self.removed: list[tuple[int, int]] = []
        self.has_nul = False

    def values(self, row: Row) -> list[Any]:
        """In the order of the columns."""
        rid, summary, _ = row
        values: list[Any] = [None] * self._width
        values[: len(ATTRIBUTES)] = _attributes(rid, summary)
        at = self._at[METRIC].get
        for key, point in summary.metrics.items():
            number = point[3]
            value = number if number == number else NAN
            position = at(key)
            if position is not None:
                values[position] = value
            else:
                self.extra.append((self._key_ids[METRIC, key], rid, value))
        self._put_texts(PARAM, summary.params, values)
        self._put_texts(TAG, summary.tags, values)
        return values

    def _put_texts(
        self,
        kind: str,
        texts: dict[str, tuple[int, str]] | dict[str, tuple[int, str | None]],
        values: list[Any],
    ) -> None:
        at = self._at[kind].get
        for key, (_, text) in texts.items():
            if text is not None and "\0" in text:
                self.has_nul = True
            position = at(key)
            if position is not None:
                values[position] = text
            elif text is not None:
                self.extra.append((self._key_ids[kind, key], values[0], text))
            elif (kind, key) in self._key_ids:
                self.removed.append((self._key_ids[kind, key], values[0]))


def _attributes(rid: int, summary: RunSummary) -> tuple[object, ...]:
    status, tags = summary.status, summary.tags
    end_time = status.end_time if status else None
    return (
        rid,
        summary.run_id,
        min(summary.started[0], _INT64_MAX) if summary.started else 0,
        min(end_time, _INT64_MAX) if end_time is not None else None,
        status.status.value if status else RunStatus.RUNNING.value,
        tags.get(TAG_USER, (0, None))[1] or "",
        tags.get(TAG_RUN_NAME, (0, None))[1] or "",
        int(summary.is_deleted),
    )


def _write_inputs(db: sqlite3.Connection, rows: list[Row]) -> None:
    having = [row for row in rows if row.summary.inputs]
    db.executemany("DELETE FROM inputs WHERE rid = ?", ((row.rid,) for row in having))
    db.executemany(
        "INSERT INTO inputs VALUES (?, ?, ?, ?)",
        (
            (row.rid, given.dataset.name, given.dataset.digest, given.tags.get(TAG_DATASET_CONTEXT))
            for row in having
            for _, given in row.summary.inputs.values()
        ),
    )


def _places(db: sqlite3.Connection, summaries: Iterable[RunSummary]) -> dict[Key, Place]:
    """Where every key stands, after those that are new in `summaries` were given a place."""
    places = {
        (kind, key): Place(key_id, _column(kind, slot))
        for key_id, kind, key, slot in db.execute("SELECT key_id, kind, key, slot FROM keys")
    }
    counts, long = _new_keys(places, summaries)
    taken = Counter(kind for (kind, _), place in places.items() if place.column)
    key_id = len(places)
    for (kind, key), _ in counts.most_common():
        key_id += 1
        slot = None if (kind, key) in long or taken[kind] >= SLOTS else taken[kind]
        if slot is not None:
            taken[kind] += 1
            db.execute(f"ALTER TABLE runs ADD COLUMN {_column(kind, slot)}")
        db.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (key_id, kind, key, slot))
        places[kind, key] = Place(key_id, _column(kind, slot))
    return places


def _new_keys(
    places: dict[Key, Place], summaries: Iterable[RunSummary]
) -> tuple[Counter[Key], set[Key]]:
    """How many of `summaries` have each key that has no place yet; and which of them bring long texts."""
    known: dict[str, set[str]] = {METRIC: set(), PARAM: set(), TAG: set()}
    for kind, key in places:
        known[kind].add(key)
    metrics, texts = known[METRIC], {PARAM: known[PARAM], TAG: known[TAG]}
    counts: Counter[Key] = Counter()
    long: set[Key] = set()
    for summary in summaries:
        for key in summary.metrics.keys() - metrics:
            counts[METRIC, key] += 1
        for kind, key, text in _new_texts(summary, texts):
            counts[kind, key] += 1
            if len(text) > LONG_TEXT:
                long.add((kind, key))
    return counts, long


def _new_texts(summary: RunSummary, known: dict[str, set[str]]) -> Iterator[tuple[str, str, str]]:
    for key in summary.params.keys() - known[PARAM]:
        yield PARAM, key, summary.params[key][1]
    for key in summary.tags.keys() - known[TAG]:
        text = summary.tags[key][1]
        if text is not None:
            yield TAG, key, text


def _column(kind: str, slot: int | None) -> str | None:
    return None if slot is None else f"{kind}{slot}"
