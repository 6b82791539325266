"""The runs that match as CSV, made while it is sent."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stageline.domain.query import Entity

if TYPE_CHECKING:
    from stageline.tracking.run_table import Cells
    from stageline.ui.runs_table.columns import Column
    from stageline.ui.runs_table.shown import Opened

HEAD = ("run_id", "name", "status", "started", "ended", "duration_s", "user")
_COMMANDS = ("=", "+", "-", "@", "\t", "\r")
_LINES_AT_ONCE = 200


def csv_parts(opened: Opened, columns: Sequence[Column]) -> Iterator[bytes]:
    """Pieces of the file, as RFC 4180 has it, in UTF-8: one line for each run, in the order of the table.

    Metrics have all their digits. A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    keyed = [column for column in columns if not column.is_attribute]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*HEAD, *(_safe(column.name) for column in keyed)])
    selected = opened.selected._replace(roots=False)
    rows = opened.table.every_row(selected, [column.address for column in keyed])
    for place, row in enumerate(rows, 1):
        writer.writerow([*_attributes(row), *map(_cell, keyed, row.values)])
        if not place % _LINES_AT_ONCE:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _attributes(row: Cells) -> tuple[object, ...]:
    ended = row.end_time
    lasted = "" if ended is None else (ended - row.start_time) / 1000
    end = "" if ended is None else _moment(ended)
    name, user = _safe(row.run_name), _safe(row.user_id)
    return row.run_id, name, row.status.value, _moment(row.start_time), end, lasted, user


def _cell(column: Column, value: Any) -> object:
    if value is None or column.entity is Entity.METRIC:
        return value
    return _safe(str(value))


def _safe(text: str) -> str:
    if not text.startswith(_COMMANDS):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _moment(milliseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):  # a clock that went wrong
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
