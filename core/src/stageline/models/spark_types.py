"""Predictions in Spark's types: which the signature tells, and columns of pyarrow as the series that Spark takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.models.arrow import pa
from stageline.models.schema import Column, Kind, Tensor, ValueType

if TYPE_CHECKING:
    from stageline.models.schema import Schema

UNKNOWN = "double"
"""Of a model that does not say what it gives, as in the field; what is no number is then refused."""
_SCALARS: dict[Kind, str] = {
    "boolean": "boolean", "integer": "int", "long": "bigint", "float": "float", "double": "double",
    "string": "string", "binary": "binary", "datetime": "timestamp",
}  # fmt: skip
_ELEMENTS = {
    "bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "uint8": "smallint",
    "uint16": "int", "uint32": "bigint", "float16": "float", "float32": "float", "float64": "double", "str": "string",
}  # fmt: skip


def type_of_outputs(outputs: Schema | None) -> str:
    """The type of a model's predictions in Spark's SQL.

    >>> type_of_outputs((Column("long", name="kind"), Column("double", name="sure")))
    'struct<`kind`: bigint, `sure`: double>'

    Raises:
        InvalidInput: Spark has none for it.
    """
    if not outputs:
        return UNKNOWN
    if len(outputs) == 1:
        return _type(outputs[0])
    given: Sequence[Column | Tensor] = outputs
    fields = (
        f"`{number if one.name is None else one.name}`: {_type(one)}"
        for number, one in enumerate(given)
    )
    return f"struct<{', '.join(fields)}>"


def parsed_type(kind: Any) -> Any:
    """A type of Spark's, or what its SQL calls it, as a type. Raises `InvalidInput`."""
    if not isinstance(kind, str):
        return kind
    from pyspark.errors import PySparkException
    from pyspark.sql.types import DataType  # late: there is a session

    try:
        return DataType.fromDDL("boolean" if kind == "bool" else kind)
    except PySparkException as error:
        raise InvalidInput(
            f"result_type {kind!r} is no type of Spark's: expected one such as 'double', 'array<double>' or "
            "'kind string, sure double'"
        ) from error


def as_spark(columns: Mapping[str, Any], kind: Any) -> Any:
    """A series, or for a struct a frame.

    Args:
        columns: Arrays of pyarrow by name.
        kind: Spark's type.

    Raises:
        InvalidInput: the predictions are not of that type, and can not be made so without loss.
    """
    name = kind.typeName()
    if name == "struct":
        return _struct(columns, kind)
    if name == "array" and not _is_one_of_lists(columns):
        return _cast("a row", _stacked(columns), kind).to_pandas()
    if len(columns) > 1:
        raise InvalidInput(
            f"the model gives several columns ({', '.join(columns)}), but the result type is {kind.simpleString()}: "
            f"pass result_type='struct<...>' or 'array<...>'"
        )
    ((title, values),) = columns.items()
    return _cast(title, values, kind).to_pandas()


def _struct(columns: Mapping[str, Any], kind: Any) -> Any:
    import pandas as pd  # late: Spark takes frames for structs

    names = kind.fieldNames()
    by_name = set(names) <= columns.keys()
    if not by_name and len(names) != len(columns):
        raise InvalidInput(
            f"the model gives the columns {', '.join(columns)}, but the result type has {', '.join(names)}"
        )
    chosen = [columns[name] for name in names] if by_name else [*columns.values()]
    return pd.DataFrame(
        {
            field.name: _cast(field.name, values, field.dataType).to_pandas()
            for field, values in zip(kind.fields, chosen, strict=True)
        }
    )


def _cast(title: str, values: Any, kind: Any) -> Any:
    from pyspark.sql.pandas.types import to_arrow_type  # late: there is a session

    if kind.typeName().startswith("timestamp"):
        return values  # Spark reads a time of no zone as one of the session's
    try:
        return values.cast(to_arrow_type(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(
            f"the model gives {values.type} as {title!r}, which is not of the result type {kind.simpleString()}: "
            f"{reason}. Pass another result_type"
        ) from error


def _is_one_of_lists(columns: Mapping[str, Any]) -> bool:
    return len(columns) == 1 and all(pa.types.is_nested(one.type) for one in columns.values())


def _stacked(columns: Mapping[str, Any]) -> Any:
    """A list for each row, of its values in all columns."""
    rows = zip(*(one.to_pylist() for one in columns.values()), strict=True)
    try:
        return pa.array([[*row] for row in rows])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInput(
            f"the columns {', '.join(columns)} are of several types: pass result_type='struct<...>'"
        ) from error


def _type(one: Column | Tensor | ValueType) -> str:
    if isinstance(one, Tensor):
        element = _ELEMENTS.get(one.spec.dtype)
        if element is None:
            raise InvalidInput(f"Spark has no type for {one}: pass result_type=...")
        depth = len(one.spec.shape) - 1
        return "array<" * depth + element + ">" * depth
    if one.type == "array" and one.items is not None:
        return f"array<{_type(one.items)}>"
    if one.type == "map" and one.values is not None:
        return f"map<string, {_type(one.values)}>"
    if one.properties is not None:
        fields = (f"`{name}`: {_type(kind)}" for name, kind in sorted(one.properties.items()))
        return f"struct<{', '.join(fields)}>"
    if one.type not in _SCALARS:
        raise InvalidInput(f"Spark has no type for {one}: pass result_type=...")
    return _SCALARS[one.type]
