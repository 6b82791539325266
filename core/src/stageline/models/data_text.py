"""Tables out of text, piece by piece: CSV, whose every column is text, and JSON lines."""

from __future__ import annotations

import csv as plain_csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

from stageline.errors import Corrupt, InvalidInput
from stageline.models.arrow import csv, pa

if TYPE_CHECKING:
    from stageline.models.data_format import Format

BLOCK = 1 << 20
"""Bytes of text that are parsed at once."""
MAX_LINE = 64 << 20
"""Bytes of a line of JSON."""

Pieces: TypeAlias = Iterator[tuple[Any, float]]
"""Tables of pyarrow, each with the share of the file that was read by then."""


class OpenedFile(NamedTuple):
    """A file, and what is wanted of it."""

    stream: BinaryIO
    form: Format
    size: int
    batch_size: int
    columns: Sequence[str] | None
    row_groups: Sequence[int] | None

    def share(self) -> float:
        """How much of it has been read, from 0 to 1."""
        return min(1.0, self.stream.tell() / self.size) if self.size else 1.0


def read_csv(source: OpenedFile) -> Pieces:
    """The columns of a CSV file, as they stand in it. Raises `Corrupt`, `InvalidInput`."""
    header = csv_header(source.stream, source.form)
    check_names(header)
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


def read_jsonl(source: OpenedFile) -> Pieces:
    """The objects of a file with one in each line. Raises `Corrupt`, `InvalidInput`."""
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
            raise InvalidInput(f"column {name!r} mixes types: {reason_of(error)}") from error
    return pa.table(made)


def csv_header(stream: BinaryIO, form: Format) -> list[str]:
    """The names in the first line. Raises `Corrupt`."""
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


def check_names(names: Sequence[str]) -> None:
    """Raises `InvalidInput` if a name is there twice."""
    twice = sorted({name for name in names if [*names].count(name) > 1})
    if twice:
        raise InvalidInput(
            f"there are several columns named {', '.join(twice)}: rename all but one"
        )


def reason_of(error: BaseException) -> str:
    """What pyarrow says, without the place in its own source."""
    return str(error).partition("\n")[0]
