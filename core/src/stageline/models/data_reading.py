"""Tables out of Parquet, CSV and JSON lines, so many rows at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from stageline.errors import Corrupt, StagelineError
from stageline.models.arrow import pa, parquet
from stageline.models.data_text import (
    BLOCK,
    OpenedFile,
    Pieces,
    check_names,
    csv_header,
    read_csv,
    read_jsonl,
    reason_of,
)

if TYPE_CHECKING:
    from stageline.models.data_format import Format

WHOLE_GROUP = 64 << 20
"""Bytes of a row group up to which its columns are read whole, in one request each; above it, piece by piece."""


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
    pieces = _READERS[form.kind](OpenedFile(stream, form, size, batch_size, columns, row_groups))
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
            raise Corrupt(f"after row {first - 1}: {reason_of(error)}") from error
        yield Chunk(table, first, done)
        first += table.num_rows


def column_names(stream: BinaryIO, form: Format) -> list[str] | None:
    """The names of a file's columns, by its footer or first line; None for JSON, whose every line has its own."""
    if form.kind == "parquet":
        return [str(name) for name in parquet_file(stream).schema_arrow.names]
    return None if form.kind == "jsonl" else csv_header(stream, form)


def parquet_file(stream: BinaryIO, **options: Any) -> Any:
    """A Parquet file, opened. Raises `Corrupt`."""
    try:
        return parquet.ParquetFile(stream, **options)
    except StagelineError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"it is no Parquet file, or was cut short: {reason_of(error)}") from error


def _read_parquet(source: OpenedFile) -> Pieces:
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
    check_names(file.schema_arrow.names)
    rows = sum(meta.row_group(group).num_rows for group in groups)
    read = 0
    yield _empty(file.schema_arrow, names), 0.0
    for batch in file.iter_batches(source.batch_size, row_groups=groups, columns=names):
        read += batch.num_rows
        yield pa.Table.from_batches([batch]), read / rows


def _empty(schema: Any, names: Sequence[str]) -> Any:
    chosen = pa.schema([schema.field(name) for name in names])
    return chosen.empty_table()


_READERS = {"parquet": _read_parquet, "csv": read_csv, "tsv": read_csv, "jsonl": read_jsonl}


def _in_equal_pieces(pieces: Pieces, rows: int) -> Pieces:
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
