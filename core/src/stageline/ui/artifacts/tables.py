"""CSV, Parquet and logged tables, a page of rows at a time, with how many rows there are in all."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

ROWS = 100
"""On one page."""
MOST_BYTES = 32 << 20
"""Of text that is read to count rows: about two seconds."""
MOST_COLUMNS = 200
LONGEST_CELL = 500
LONGEST_FIELD = 1 << 20


class ShownTable(NamedTuple):
    """One page of a table."""

    columns: list[str]
    types: list[str]
    """Of the columns, where the file says; empty where it does not."""
    rows: list[list[str]]
    first: int
    """The number of the first row, from 0."""
    total: int
    is_counted: bool
    """False: there are more rows than `total`, in a part of the file that was not read."""
    hidden_columns: int


class NoTable(ValueError):
    """The file can not be shown as a table; says why."""


def read_table(path: str, stream: BinaryIO, first: int = 0, rows: int = ROWS) -> ShownTable:
    """A page of rows. Raises `NoTable`."""
    ending = path.rpartition(".")[2].lower()
    if ending in ("parquet", "pq"):
        return _parquet(stream, first, rows)
    if ending == "json":
        return _logged_table(stream, first, rows)
    return _delimited(stream, "\t" if ending == "tsv" else ",", first, rows)


def _delimited(stream: BinaryIO, delimiter: str, first: int, count: int) -> ShownTable:
    bounded = _Bounded(stream, MOST_BYTES)
    text = io.TextIOWrapper(io.BufferedReader(bounded, 1 << 20), "utf-8-sig", "replace", newline="")
    # The limit belongs to the process; a field longer than this is no table for people.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    reader = csv.reader(text, delimiter=delimiter)
    try:
        header = next(reader, None)
        if header is None:
            raise NoTable("the file is empty")
        shown: list[list[str]] = []
        total = 0
        for total, row in enumerate(_rows(reader), 1):
            if first < total <= first + count:
                shown.append([_cell(value) for value in row[:MOST_COLUMNS]])
    except csv.Error as error:
        raise NoTable(f"its rows can not be read: {error}") from error
    return ShownTable(
        columns=[_cell(name) for name in header[:MOST_COLUMNS]],
        types=[],
        rows=shown,
        first=first,
        total=total,
        is_counted=not bounded.is_cut,
        hidden_columns=max(len(header) - MOST_COLUMNS, 0),
    )


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    return (row for row in reader if row)


def _parquet(stream: BinaryIO, first: int, count: int) -> ShownTable:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise NoTable(
            "showing Parquet needs pyarrow: `pip install 'stageline[batch]'` where the pages run"
        ) from error
    try:
        file = parquet.ParquetFile(stream)
        schema, total = file.schema_arrow, file.metadata.num_rows
        names = schema.names[:MOST_COLUMNS]
        rows = _parquet_rows(file, names, min(first, total), count)
    except (pa.ArrowException, OSError, ValueError, NotImplementedError) as error:
        raise NoTable(f"the file can not be read as Parquet: {str(error)[:200]}") from error
    return ShownTable(
        columns=[_cell(name) for name in names],
        types=[_cell(str(schema.field(place).type)) for place in range(len(names))],
        rows=rows,
        first=first,
        total=total,
        is_counted=True,
        hidden_columns=len(schema.names) - len(names),
    )


def _parquet_rows(file: Any, names: list[str], first: int, count: int) -> list[list[str]]:
    """Reads only the row groups that hold the page."""
    start, groups, skip = 0, [], None
    for number in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(number).num_rows
        if start + size > first and start < first + count:
            skip = first - start if skip is None else skip
            groups.append(number)
        start += size
    if not groups:
        return []
    rows: list[list[str]] = []
    seen = -(skip or 0)
    for batch in file.iter_batches(batch_size=1_000, row_groups=groups, columns=names):
        for row in batch.to_pylist():
            if 0 <= seen < count:
                rows.append([_cell(row[name]) for name in names])
            seen += 1
        if seen >= count:
            break
    return rows


def _logged_table(stream: BinaryIO, first: int, count: int) -> ShownTable:
    """What `log_table` writes: `{"columns": [...], "data": [rows]}`."""
    data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise NoTable("the table is too long to be shown")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NoTable(f"it is no JSON: {error}") from error
    if not is_logged_table(document):
        raise NoTable("it holds no table")
    columns, rows = document["columns"], document["data"]
    return ShownTable(
        columns=[_cell(name) for name in columns[:MOST_COLUMNS]],
        types=[],
        rows=[
            [_cell(value) for value in row[:MOST_COLUMNS]] for row in rows[first : first + count]
        ],
        first=first,
        total=len(rows),
        is_counted=True,
        hidden_columns=max(len(columns) - MOST_COLUMNS, 0),
    )


def is_logged_table(document: Any) -> bool:
    """Whether a JSON document has the shape of a logged table."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("columns"), list)
        and isinstance(document.get("data"), list)
        and all(isinstance(row, list) for row in document["data"])
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, (dict, list)):
        text = json.dumps(value, default=str, ensure_ascii=False)
    else:
        text = str(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]} …"


class _Bounded(io.RawIOBase):
    """The first bytes of a stream, up to the end of a line: no row is shown half."""

    def __init__(self, inner: BinaryIO, most: int) -> None:
        self._inner = inner
        self._left = most
        self.is_cut = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._inner.read(min(len(buffer), self._left)) if self._left else b""
        if not self._left:
            self.is_cut = bool(self._inner.read(1)) or self.is_cut
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)
