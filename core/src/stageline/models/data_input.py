"""What a model is given of a table: its inputs by name, as a frame, with text turned into what the signature says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.models.arrow import pa, pc
from stageline.models.schema import Column, Kind, Schema, has_names

if TYPE_CHECKING:
    from stageline.models.data_reading import Chunk

MISSING = (
    "",
    "NA",
    "N/A",
    "n/a",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "null",
    "NULL",
    "None",
    "<NA>",
    "#N/A",
)
"""Texts that mean that there is no value, in a column of anything but text."""

ARROW_TYPES: dict[Kind, Any] = {
    "boolean": pa.bool_(), "integer": pa.int32(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(),
    "string": pa.string(), "binary": pa.binary(), "datetime": pa.timestamp("ns"),
}  # fmt: skip
_GUESSES = (pa.int64(), pa.float64(), pa.bool_())


def named_inputs(schema: Schema | None) -> list[str] | None:
    """The columns that a signature asks for by name; None if it does not say."""
    if schema is None or not has_names(schema):
        return None
    return [str(one.name) for one in schema]


class FrameMaker:
    """Makes the frames that one model is given.

    Args:
        schema: The inputs of its signature.
        inputs: The columns to give; None for all that a table has.
    """

    def __init__(self, schema: Schema | None, inputs: Sequence[str] | None) -> None:
        self._schema = schema
        self._inputs = inputs
        self._names = {str(one.name): one.name for one in schema or () if one.name is not None}
        self._types = {
            str(one.name): ARROW_TYPES[one.type]
            for one in schema or ()
            if isinstance(one, Column) and one.name is not None and one.type in ARROW_TYPES
        }

    def frame(self, chunk: Chunk, without: Sequence[str], *, is_text: bool) -> Any:
        """A pandas frame of a chunk's inputs; what the file does not have is missing there too.

        Args:
            chunk: The rows.
            without: Columns that are none of the inputs, where these are all that there are.
            is_text: Whether the columns are text that is to be parsed.

        Raises:
            InvalidInput: a text is not of its column's type; names the row and the column.
        """
        table = chunk.table
        names = self._inputs
        if names is None:
            names = [
                name for name in table.column_names if name not in without and not _is_index(name)
            ]
        made = {
            self._names.get(name, name): self._column(table[name], name, chunk.first, is_text)
            for name in names
            if name in table.column_names
        }
        chosen = pa.table([*made.values()], names=[str(name) for name in made])
        frame = chosen.to_pandas(
            date_as_object=False, maps_as_pydicts="strict", ignore_metadata=True
        )
        frame.columns = [*made]
        return frame

    def _column(self, column: Any, name: str, first: int, is_text: bool) -> Any:
        if is_text:
            if name not in self._types:
                self._types[name] = _guessed(column)
            return _parsed(column, self._types[name], name, first)
        is_coded = pa.types.is_dictionary(column.type)
        return column.cast(column.type.value_type) if is_coded and self._schema else column


def _parsed(column: Any, kind: Any, name: str, first: int) -> Any:
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return pc.if_else(pc.equal(column, ""), None, column).cast(kind)
    clean = _without_missing(column)
    try:
        return clean.cast(kind)
    except pa.ArrowInvalid as error:
        at = next(at for at, value in enumerate(clean) if not _fits(value, kind))
        raise InvalidInput(
            f"row {first + at}, column {name!r}: {clean[at].as_py()!r} is not of the type {kind}"
        ) from error


def _guessed(column: Any) -> Any:
    clean = _without_missing(column)
    return next((kind for kind in _GUESSES if _fits(clean, kind)), pa.string())


def _without_missing(column: Any) -> Any:
    is_missing = pc.is_in(column, value_set=pa.array(MISSING))
    return pc.if_else(is_missing, None, column)


def _fits(value: Any, kind: Any) -> bool:
    try:
        value.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _is_index(name: str) -> bool:
    """Whether pandas put the column there to keep an index of no name."""
    return name.startswith("__index_level_") and name.endswith("__")
