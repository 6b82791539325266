"""Tables into one file of Parquet, CSV or JSON lines, piece by piece. Whoever opened the stream publishes it."""

from __future__ import annotations

import io
import json
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

from stageline.errors import InvalidInput
from stageline.models.arrow import csv, pa, parquet, pc

if TYPE_CHECKING:
    from types import TracebackType

    from stageline.models.data_format import Format

GROUP_ROWS = 1 << 20
GROUP_BYTES = 32 << 20
"""A row group of Parquet is written when so many rows, or bytes in memory, have come together."""


class TableWriter:
    """Writes tables of one schema, that of the first. What still waits is dropped if the block ends by an exception."""

    def __init__(self, sink: BinaryIO, form: Format) -> None:
        self._form = form
        self._stack = ExitStack()
        kept = _Kept(sink)
        self._sink = (
            self._stack.enter_context(pa.CompressedOutputStream(kept, form.packed))
            if form.packed
            else kept
        )
        self._schema: Any = None
        self._writer: Any = None
        self._waiting: list[Any] = []

    def write(self, table: Any) -> None:
        """Raises `InvalidInput` if a column is of another type than in the tables before, and can not be made one."""
        if self._form.kind in ("csv", "tsv"):
            table = _flat(table)
        if self._schema is None:
            self._schema = table.schema.remove_metadata()
            self._writer = self._started()
        self._waiting.append(_of_schema(table, self._schema))
        rows = sum(one.num_rows for one in self._waiting)
        if rows >= GROUP_ROWS or sum(one.nbytes for one in self._waiting) >= GROUP_BYTES:
            self._flush()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if kind is None:
                self._flush()

    def _started(self) -> Any:
        if self._form.kind == "jsonl":
            return None
        if self._form.kind == "parquet":
            writer = parquet.ParquetWriter(self._sink, self._schema)
        else:
            options = csv.WriteOptions(delimiter="\t" if self._form.kind == "tsv" else ",")
            writer = csv.CSVWriter(self._sink, self._schema, write_options=options)
        return self._stack.enter_context(writer)

    def _flush(self) -> None:
        if not self._waiting:
            return
        whole = pa.concat_tables(self._waiting)
        self._waiting = []
        if self._writer is not None:
            self._writer.write_table(whole)
            return
        for batch in whole.to_batches(max_chunksize=10_000):
            lines = [json.dumps(row, default=_plain) for row in batch.to_pylist()]
            self._sink.write("".join(f"{line}\n" for line in lines).encode())


def _of_schema(table: Any, schema: Any) -> Any:
    columns = []
    for field in schema:
        column = table[field.name]
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidInput(
                f"column {field.name!r} holds {column.type} here, but {field.type} in the rows before: the rows of one "
                "file are of one type"
            ) from error
    return pa.table(columns, schema=schema)


def _flat(table: Any) -> Any:
    """With JSON in the place of lists and dicts, for which CSV has no form."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_nested(column.type):
            texts = [
                None if one is None else json.dumps(one, default=_plain)
                for one in column.to_pylist()
            ]
            column = pa.array(texts, pa.string())
        elif pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        columns[name] = column if table.num_columns > 1 else _never_blank(column)
    return pa.table(columns)


def _never_blank(column: Any) -> Any:
    """The only column of a file, without nulls: readers pass by an empty line, and with it a row."""
    if pa.types.is_floating(column.type):
        return pc.fill_null(column, math.nan)
    return pc.fill_null(column.cast(pa.string()), "")


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


class _Kept(io.RawIOBase):
    """Another's stream, which stays open when this one is closed: closing it would publish it."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._inner.write(data)
