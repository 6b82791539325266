"""A local copy of one experiment's index, in SQLite, that filters, sorts and counts 100,000 runs in milliseconds.

It is a cache: losing it costs the time to read the index again, and nothing else.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.like import like
from stageline.domain.run import ViewType
from stageline.domain.summary import RunSummary, merge
from stageline.storage.index_changes import Changes, IndexState, by_run
from stageline.storage.projection_file import ProjectionFile, clear
from stageline.storage.projection_hits import Ask, Hit
from stageline.storage.projection_keys import find_place
from stageline.storage.projection_rows import Row, RowWriter
from stageline.storage.projection_sql import (
    ILIKE_FUNCTION,
    LIKE_FUNCTION,
    ArtifactUris,
    Compiler,
)
from stageline.storage.shard import decode_row, encode_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from stageline.domain.query import Comparison, OrderBy

# Few enough that the garbage collector seldom walks through what is alive only for a moment.
_ROWS_AT_ONCE = 250
_IDS_AT_ONCE = 500
"""In one query: SQLite before 3.32 binds at most 999."""
_NO_URIS = ArtifactUris("", "")

_encode_state = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(IndexState).decode


class Projection:
    """The runs of one experiment, as far as they were taken in. Safe to use from many threads and processes.

    Every method may raise `ProjectionLost`: then this is empty, and everything is to be taken in again.
    """

    def __init__(self, path: Path, experiment_id: str) -> None:
        self.experiment_id = experiment_id
        self._last_state = (b"", IndexState())
        self._file = ProjectionFile(path, {LIKE_FUNCTION: _like, ILIKE_FUNCTION: _ilike})

    def __enter__(self) -> Projection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        self._file.close()

    # -- taking in --------------------------------------------------------------------------------

    def state(self) -> IndexState:
        """What was taken in; what `ExperimentIndex.changes` asks for."""
        with self._file.transaction() as db:
            found = _get(db, "index")
        # A full inbox is thousands of names, and mostly those of the last time.
        data, state = self._last_state
        if found is None:
            return IndexState()
        if found != data:
            state = _decode_state(found)
            self._last_state = (found, state)
        return state

    def apply(self, changes: Changes) -> bool:
        """Take `changes` in, all or nothing. False if another process has meanwhile moved to another index: look again.

        Raises `IndexLost` if a shard is damaged.
        """
        with self._file.transaction("IMMEDIATE") as db:
            known, state = _state(db), changes.state
            if known != changes.since:
                if known.epoch != state.epoch:
                    return False
                state = state.joined(known)
            elif changes.is_reset:
                clear(db)
            writer = RowWriter(db)
            for shard in changes.shards:
                _take(db, writer, shard.rows())
            runs = by_run(changes.summaries).values()
            _take(db, writer, ((summary, encode_row(summary)) for summary in runs))
            if writer.has_nul:
                _put(db, "has_nul", b"1")
            _put(db, "index", _encode_state(state))
        return True

    # -- asking -----------------------------------------------------------------------------------

    def select(
        self,
        comparisons: Sequence[Comparison],
        order: Sequence[OrderBy],
        view: ViewType = ViewType.ACTIVE_ONLY,
        *,
        limit: int,
        offset: int = 0,
        roots: bool = False,
        uris: ArtifactUris = _NO_URIS,
    ) -> list[Hit]:
        """The runs that match, sorted by `order`, then the latest start, then the id."""
        with self.reading(uris) as (db, compiler):
            asked = Ask(
                where=compiler.where(comparisons, view, roots=roots),
                terms=[(compiler.order_terms(by), by.ascending) for by in order],
            )
            query = asked.query(limit, offset)
            return [asked.hit(row) for row in db.execute(query.text, query.bound)]

    def count(
        self,
        comparisons: Sequence[Comparison],
        view: ViewType = ViewType.ACTIVE_ONLY,
        *,
        uris: ArtifactUris = _NO_URIS,
    ) -> int:
        """How many runs match."""
        with self.reading(uris) as (db, compiler):
            where = compiler.where(comparisons, view)
            found = db.execute(f"SELECT count(*) FROM runs WHERE {where.text}", where.bound)
            return int(found.fetchone()[0])

    @contextmanager
    def reading(
        self, uris: ArtifactUris = _NO_URIS
    ) -> Iterator[tuple[sqlite3.Connection, Compiler]]:
        """The database as it is at one moment, for questions that are made of SQL elsewhere in this package."""
        with self._file.transaction() as db:
            yield db, _compiler(db, uris)

    def load(self, run_ids: Sequence[str]) -> list[RunSummary]:
        """The summaries of those of the runs that are here, in the order of `run_ids`."""
        with self._file.transaction() as db:
            bodies = {run_id: body for run_id, _, body in _stored(db, run_ids)}
        return [decode_row(bodies[run_id]) for run_id in run_ids if run_id in bodies]


# -- taking in ------------------------------------------------------------------------------------


def _state(db: sqlite3.Connection) -> IndexState:
    found = _get(db, "index")
    return _decode_state(found) if found else IndexState()


def _take(
    db: sqlite3.Connection, writer: RowWriter, given: Iterator[tuple[RunSummary, bytes]]
) -> None:
    """Merge what is `given` into the runs that are there."""
    while some := list(islice(given, _ROWS_AT_ONCE)):
        writer.write(_merged_rows(db, some))


def _merged_rows(db: sqlite3.Connection, given: list[tuple[RunSummary, bytes]]) -> list[Row]:
    """The rows that `given` makes or changes."""
    highest = db.execute("SELECT max(rid) FROM runs").fetchone()[0] or 0
    ids = [summary.run_id for summary, _ in given]
    stored = {run_id: (rid, body) for run_id, rid, body in (_stored(db, ids) if highest else ())}
    rows: dict[str, Row] = {}
    for summary, body in given:
        run_id = summary.run_id
        if run_id in rows:
            rows[run_id] = _merged(rows[run_id].rid, rows[run_id].body, summary)
        elif run_id in stored:
            row = _merged(*stored[run_id], summary)
            if row.body != stored[run_id][1]:
                rows[run_id] = row
        else:
            highest += 1
            rows[run_id] = Row(highest, summary, body)
    return list(rows.values())


def _merged(rid: int, body: bytes, summary: RunSummary) -> Row:
    both = merge(decode_row(body), summary)
    return Row(rid, both, encode_row(both))


def _stored(db: sqlite3.Connection, run_ids: Sequence[str]) -> Iterator[tuple[str, int, bytes]]:
    for start in range(0, len(run_ids), _IDS_AT_ONCE):
        some = run_ids[start : start + _IDS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        yield from db.execute(
            f"SELECT run_id, rid, body FROM runs JOIN bodies USING (rid) WHERE run_id IN ({marks})",
            some,
        )


def _get(db: sqlite3.Connection, name: str) -> bytes | None:
    found = db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return found[0] if found else None


def _put(db: sqlite3.Connection, name: str, value: bytes) -> None:
    db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))


# -- asking ---------------------------------------------------------------------------------------


def _compiler(db: sqlite3.Connection, uris: ArtifactUris) -> Compiler:
    return Compiler(
        lambda kind, key: find_place(db, kind, key), uris, has_nul=_get(db, "has_nul") is not None
    )


def _like(text: str | None, pattern: str) -> bool:
    return text is not None and like(text, pattern)


def _ilike(text: str | None, pattern: str) -> bool:
    return text is not None and like(text, pattern, ignore_case=True)
