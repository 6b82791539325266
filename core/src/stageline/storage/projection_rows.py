"""Run summaries as rows of the projection's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.run import TAG_RUN_NAME, TAG_USER, RunStatus
from stageline.storage.projection_keys import METRIC, PARAM, TAG, KeyTable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from stageline.domain.summary import RunSummary

TAG_DATASET_CONTEXT = "mlflow.data.context"
NAN = "NaN"
"""How NaN is stored, since SQLite turns it into NULL; the columns of metrics have no affinity."""

_INT64_MAX = 2**63 - 1


class Row(NamedTuple):
    """One run, to be written."""

    rid: int
    summary: RunSummary
    body: bytes


class RowWriter:
    """Writes rows in one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._keys = KeyTable(db)
        self._extra: list[tuple[int, int, object]] = []
        self._removed: list[tuple[int, int]] = []
        self.has_nul = False
        """Whether any text that was written holds a NUL, which SQLite's LIKE does not see past."""

    def write(self, rows: Sequence[Row]) -> None:
        """Insert or replace `rows`."""
        self._keys.take_new(row.summary for row in rows)
        columns = self._keys.columns
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        put = self._db.executemany
        put(f"INSERT OR REPLACE INTO runs ({names}) VALUES ({marks})", map(self._values, rows))
        put("INSERT OR REPLACE INTO bodies VALUES (?, ?)", ((row.rid, row.body) for row in rows))
        put("DELETE FROM extra WHERE key_id = ? AND rid = ?", self._removed)
        put("INSERT OR REPLACE INTO extra VALUES (?, ?, ?)", self._extra)
        self._removed.clear()
        self._extra.clear()
        self._write_inputs([row for row in rows if row.summary.inputs])

    def _values(self, row: Row) -> list[Any]:
        """In the order of the columns; what has no column is put by in `_extra`."""
        rid, summary, _ = row
        attributes = _attributes(rid, summary)
        values: list[Any] = [*attributes, *[None] * (len(self._keys.columns) - len(attributes))]
        position = self._keys.positions[METRIC].get
        for key, (_, _, _, number) in summary.metrics.items():
            value = number if number == number else NAN
            at = position(key)
            if at is not None:
                values[at] = value
            else:
                self._extra.append((self._keys.extra[METRIC][key], rid, value))
        position = self._keys.positions[PARAM].get
        for key, (_, param) in summary.params.items():
            at = position(key)
            if at is not None and "\0" not in param:
                values[at] = param
            else:
                self._put_odd(values, PARAM, key, param)
        position = self._keys.positions[TAG].get
        for key, (_, tag) in summary.tags.items():
            at = position(key)
            if at is not None and tag is not None and "\0" not in tag:
                values[at] = tag
            else:
                self._put_odd(values, TAG, key, tag)
        return values

    def _put_odd(self, values: list[Any], kind: str, key: str, text: str | None) -> None:
        """A text that has no column, holds a NUL, or was removed."""
        rid, at, key_id = (
            values[0],
            self._keys.positions[kind].get(key),
            self._keys.extra[kind].get(key),
        )
        self.has_nul |= text is not None and "\0" in text
        if at is not None:
            values[at] = text
        elif key_id is not None and text is not None:
            self._extra.append((key_id, rid, text))
        elif key_id is not None:
            self._removed.append((key_id, rid))

    def _write_inputs(self, rows: Sequence[Row]) -> None:
        self._db.executemany("DELETE FROM inputs WHERE rid = ?", ((row.rid,) for row in rows))
        self._db.executemany(
            "INSERT INTO inputs VALUES (?, ?, ?, ?)",
            (
                (
                    row.rid,
                    given.dataset.name,
                    given.dataset.digest,
                    given.tags.get(TAG_DATASET_CONTEXT),
                )
                for row in rows
                for _, given in row.summary.inputs.values()
            ),
        )


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
