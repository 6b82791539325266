"""Tables out of Parquet, CSV and JSON lines, so many rows at a time, in bounded memory."""

from __future__ import annotations

import csv as plain_csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from stageline.errors import Corrupt, InvalidInput, StagelineError
from stageline.models.arrow import csv, pa, parquet

if TYPE_CHECKING:
    from stageline.models.data_format import Format

BLOCK = 1 << 20
"""Bytes of text that are parsed at once."""
WHOLE_GROUP = 64 << 20
"""Bytes of a row group up to which its columns are read whole, in one request each; above it, piece by piece."""
MAX_LINE = 64 << 20
"""Bytes of a line of JSON."""


class Chunk(NamedTuple):
    """Some rows of a file."""

    table: Any
    """A table of pyarrow; every column of a CSV file is text."""
    first: int
    """The number of its first row in the file, from 1; of a row group of several, in those that are read."""
    done: float
    """The share of the file that has been read, from 0 to 1."""

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.first + int(self.table.num_rows) - 1


def read_chunks(
    stream: BinaryIO,
    form: Format,
    *,
    size: int,
    batch_size: int,
    columns: Sequence[str] | None = None,
    row_groups: Sequence[int] | None = None,
) -> Iterator[Chunk]:
    """The rows of a file in chunks of `batch_size`, the last one smaller; of an empty file, one of no rows.

    Args:
        stream: The file.
        form: What is in it.
        size: Bytes of it, for the share that is done.
        batch_size: Rows.
        columns: Those to read; the ones that the file does not have are left out. None for all.
        row_groups: Of a Parquet file, those to read; None for all.

    Raises:
        Corrupt: the file is not of its format, or was cut short.
        InvalidInput: it has two columns of one name.
    """
    pieces = _READERS[form.kind](_Source(stream, form, size, batch_size, columns, row_groups))
    equal = _in_equal_pieces(pieces, batch_size)
    first = 1
    while True:
        try:
            table, done = next(equal)
        except StopIteration:
            return
        except StagelineError:
            raise
        except (
            pa.ArrowException,
            OSError,
            UnicodeDecodeError,
        ) as error:  # pyarrow has OSError for damage
            raise Corrupt(f"after row {first - 1}: {_told(error)}") from error
        yield Chunk(table, first, done)
        first += table.num_rows


def column_names(stream: BinaryIO, form: Format) -> list[str] | None:
    """The names of a file's columns, by its footer or first line; None for JSON, whose every line has its own."""
    if form.kind == "parquet":
        return [str(name) for name in parquet_file(stream).schema_arrow.names]
    return None if form.kind == "jsonl" else _header(stream, form)


def parquet_file(stream: BinaryIO, **options: Any) -> Any:
    """A Parquet file, opened. Raises `Corrupt`."""
    try:
        return parquet.ParquetFile(stream, **options)
    except StagelineError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"it is no Parquet file, or was cut short: {_told(error)}") from error


class _Source(NamedTuple):
    stream: BinaryIO
    form: Format
    size: int
    batch_size: int
    columns: Sequence[str] | None
    row_groups: Sequence[int] | None

    def share(self) -> float:
        return min(1.0, self.stream.tell() / self.size) if self.size else 1.0


_Pieces = Iterator[tuple[Any, float]]


def _read_parquet(source: _Source) -> _Pieces:
    meta = parquet_file(source.stream).metadata
    groups = [*range(meta.num_row_groups)] if source.row_groups is None else [*source.row_groups]
    largest = max((meta.row_group(group).total_byte_size for group in groups), default=0)
    source.stream.seek(0)
    file = parquet_file(
        source.stream,
        buffer_size=BLOCK if largest > WHOLE_GROUP else 0,
        pre_buffer=False,  # or all row groups are fetched before the first batch
    )
    names = [
        name for name in file.schema_arrow.names if source.columns is None or name in source.columns
    ]
    _check_names(file.schema_arrow.names)
    rows = sum(meta.row_group(group).num_rows for group in groups)
    read = 0
    yield _empty(file.schema_arrow, names), 0.0
    for batch in file.iter_batches(source.batch_size, row_groups=groups, columns=names):
        read += batch.num_rows
        yield pa.Table.from_batches([batch]), read / rows


def _empty(schema: Any, names: Sequence[str]) -> Any:
    chosen = pa.schema([schema.field(name) for name in names])
    return chosen.empty_table()


def _read_csv(source: _Source) -> _Pieces:
    header = _header(source.stream, source.form)
    _check_names(header)
    names = [name for name in header if source.columns is None or name in source.columns]
    schema = pa.schema([(name, pa.string()) for name in names])
    yield schema.empty_table(), 0.0
    source.stream.seek(0)
    reader = csv.open_csv(
        _unpacked(source.stream, source.form),
        read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK),
        parse_options=csv.ParseOptions(delimiter=_delimiter(source.form), newlines_in_values=True),
        # Text is never null here: what is empty, or says NA, is for whoever reads the column's type to judge.
        convert_options=csv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            include_columns=names,
            strings_can_be_null=False,
        ),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch], schema), source.share()


def _read_jsonl(source: _Source) -> _Pieces:
    lines = io.BufferedReader(_unpacked(source.stream, source.form), BLOCK)
    rows: list[dict[str, Any]] = []
    number = 0
    while line := lines.readline(MAX_LINE):
        number += 1
        if line.strip():
            rows.append(_row(line, number, source.columns))
        if len(rows) >= source.batch_size:
            yield _table(rows), source.share()
            rows = []
    if rows or not number:
        yield _table(rows), 1.0


_READERS = {"parquet": _read_parquet, "csv": _read_csv, "tsv": _read_csv, "jsonl": _read_jsonl}


def _row(line: bytes, number: int, columns: Sequence[str] | None) -> dict[str, Any]:
    try:
        row = json.loads(line)  # not msgspec: programs write NaN, which JSON proper does not have
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"line {number} is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise Corrupt(f"line {number} should be a JSON object, but is a {type(row).__name__}")
    return row if columns is None else {name: row[name] for name in columns if name in row}


def _table(rows: Sequence[dict[str, Any]]) -> Any:
    names = dict.fromkeys(name for row in rows for name in row)
    made = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            made[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InvalidInput(f"column {name!r} mixes types: {_told(error)}") from error
    return pa.table(made)


def _header(stream: BinaryIO, form: Format) -> list[str]:
    stream.seek(0)
    text = io.TextIOWrapper(_unpacked(stream, form), encoding="utf-8-sig", newline="")
    try:
        found = next(plain_csv.reader(text, delimiter=_delimiter(form)), [])
    except (UnicodeDecodeError, plain_csv.Error, OSError) as error:
        raise Corrupt(f"its first line is no header of a CSV file: {error}") from error
    finally:
        text.detach()
    if not found:
        raise Corrupt("it is empty: expected a header with the columns' names")
    return found


def _delimiter(form: Format) -> str:
    return "\t" if form.kind == "tsv" else ","


def _unpacked(stream: BinaryIO, form: Format) -> Any:
    """The bytes of the text; closing it leaves `stream` open."""
    kept = _Kept(stream)
    return pa.CompressedInputStream(kept, form.packed) if form.packed else kept


class _Kept(io.RawIOBase):
    """Another's stream, which stays open when this one is collected."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _in_equal_pieces(pieces: _Pieces, rows: int) -> _Pieces:
    """The same rows, `rows` at a time; at least one table, even if there are none."""
    waiting: list[Any] = []
    count, done, is_first = 0, 0.0, True
    for table, done in pieces:
        waiting.append(table)
        count += table.num_rows
        while count >= rows:
            whole = _concatenated(waiting)
            yield whole.slice(0, rows), done
            waiting, count, is_first = [whole.slice(rows)], count - rows, False
    if count or is_first:
        yield _concatenated(waiting), 1.0


def _concatenated(tables: Sequence[Any]) -> Any:
    if len(tables) == 1:
        return tables[0]
    filled = [table for table in tables if table.num_rows] or tables[:1]
    return pa.concat_tables(filled, promote_options="default")


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if [*names].count(name) > 1})
    if twice:
        raise InvalidInput(
            f"there are several columns named {', '.join(twice)}: rename all but one"
        )


def _told(error: BaseException) -> str:
    return str(error).partition("\n")[0]
