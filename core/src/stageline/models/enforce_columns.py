"""Columns of a frame held to their types: widened where nothing is lost, refused otherwise."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.models.data_kinds import is_array, is_from, is_missing

if TYPE_CHECKING:
    from stageline.models.schema import Column, Kind, Property, ValueType

DTYPES: dict[Kind, str] = {
    "boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64",
    "datetime": "datetime64[ns]",
}  # fmt: skip
_EXACT_IN_DOUBLE = 6
"""Bytes: every integer of up to 53 bits is a double; of those that numpy has, the ones of 4 bytes are."""
_MISSING_HINT = (
    " Hint: the type mismatch is likely caused by missing values. Integer columns in python can not represent missing "
    "values and are therefore encoded as floats. Infer the schema from a sample that has missing values, or declare "
    "integer columns as doubles (float64) whenever they may have missing values."
)


def enforce_columns(frame: Any, columns: tuple[Column, ...]) -> Any:
    """The columns of the schema, by name or, where they have none, by position. Raises `InvalidInput`."""
    if columns[0].name is None:
        chosen = [(frame.columns[at], column) for at, column in enumerate(columns)]
    else:
        chosen = [(column.name, column) for column in columns if column.name in frame.columns]
    held = {name: _held(name, frame[name], column) for name, column in chosen}
    return type(frame)(held, index=frame.index)


def _held(name: Any, series: Any, column: Column) -> Any:
    if getattr(series, "ndim", 1) != 1:
        raise InvalidInput(f"there are several columns named {name!r}: rename all but one")
    if column.is_scalar:
        return enforce_series(name, series, column.type)
    values = [enforce_value(value, column, required=column.required) for value in series]
    return type(series)(values, index=series.index, name=name, dtype=object)


def enforce_series(name: Any, values: Any, kind: Kind) -> Any:
    """A series of the type, or `InvalidInput` if that would change what it says."""
    if str(values.dtype) == "object" and kind not in ("binary", "string"):
        values = values.infer_objects()
    dtype = values.dtype
    if kind in ("string", "binary"):
        return _enforce_text(name, values, kind)
    if kind == "datetime":
        return _enforce_time(name, values)
    if kind == "boolean" and str(dtype) == "object":
        return values  # as it is: None would become False
    target = DTYPES[kind]
    if str(dtype) == target or str(dtype).lower() == target:
        return values
    if (
        kind == "double"
        and str(dtype) == "object"
        and all(isinstance(one, Decimal) for one in values)
    ):
        return values.astype(target)
    if _widens(dtype, kind) or _is_flags(values, kind):
        return _cast(name, values, target)
    raise InvalidInput(
        f"Incompatible input types for column {name}. Can not safely convert {dtype} to {target}.{_hint(values, kind)}"
    )


def _enforce_text(name: Any, values: Any, kind: Kind) -> Any:
    is_text = str(values.dtype) == "object" or is_from(values.dtype, "pandas", "StringDtype")
    if is_text or values.dtype.kind == {"string": "U", "binary": "S"}[kind]:
        return values
    told = "object" if kind == "binary" else "<U0"
    raise InvalidInput(
        f"Incompatible input types for column {name}. Can not safely convert {values.dtype} to {told}."
    )


def _enforce_time(name: Any, values: Any) -> Any:
    is_time = getattr(values.dtype, "kind", "") == "M"
    is_text = str(values.dtype) == "object" or is_from(values.dtype, "pandas", "StringDtype")
    if is_time or is_text:
        try:
            return values.astype("datetime64[ns]")
        except (ValueError, TypeError, OverflowError) as error:
            if is_time:
                raise InvalidInput(
                    "Please ensure that the input data of datetime column only contains timezone-naive datetime "
                    f"objects. Error: {error}"
                ) from error
            raise InvalidInput(
                f"Failed to convert column {name} from type {values.dtype} to datetime."
            ) from error
    raise InvalidInput(
        f"Incompatible input types for column {name}. Can not safely convert {values.dtype} to datetime64[ns]."
    )


def _widens(dtype: Any, kind: Kind) -> bool:
    target = DTYPES[kind]
    into, room = (
        target.rstrip("0123456789")[0],
        int(target.lstrip("abcdefghijklmnopqrstuvwxyz") or 8) // 8,
    )
    have, size = getattr(dtype, "kind", ""), getattr(dtype, "itemsize", 99)
    if have == into:
        return bool(size <= room)
    if have == "u" and into == "i":
        return bool(size < room)
    return have in ("i", "u") and kind == "double" and size <= _EXACT_IN_DOUBLE


def _is_flags(values: Any, kind: Kind) -> bool:
    """JSON has no 0.0: a column of whole zeros and ones was most likely one of floats."""
    return (
        str(values.dtype) == "int64"
        and kind in ("float", "double")
        and all(value in (0, 1) for value in values)
    )


def _cast(name: Any, values: Any, target: str) -> Any:
    try:
        return values.astype(target)
    except (ValueError, TypeError) as error:  # pandas' own missing value in a column of integers
        raise InvalidInput(
            f"Failed to convert column {name} from type {values.dtype} to {target}."
        ) from error


def _hint(values: Any, kind: Kind) -> str:
    if str(values.dtype) != "float64" or kind not in ("integer", "long") or not values.hasnans:
        return ""
    return _MISSING_HINT if all(float(value).is_integer() for value in values.dropna()) else ""


def enforce_value(value: Any, kind: ValueType, *, required: bool = True) -> Any:
    """One value of an array, object, map, or scalar type. Raises `InvalidInput`."""
    if kind.type == "any" or (not required and (value is None or is_missing(value))):
        return value
    if kind.type == "array" and kind.items is not None:
        return _enforce_array(value, kind.items, required=required)
    if kind.properties is not None:
        return _enforce_object(value, kind.properties)
    if kind.type == "map" and kind.values is not None:
        if not isinstance(value, dict):
            raise InvalidInput(f"Expected data to be a dict, got {type(value).__name__}")
        if not all(isinstance(key, str) for key in value):
            raise InvalidInput("Expected all keys in the map type data are string type.")
        return {
            key: enforce_value(one, kind.values, required=required) for key, one in value.items()
        }
    return enforce_scalar(value, kind.type)


def enforce_scalar(value: Any, kind: Kind) -> Any:
    """One plain value."""
    import pandas as pd  # late: only nested data comes here, in a frame

    try:
        return enforce_series("", pd.Series([value]), kind)[0]
    except InvalidInput as error:
        raise InvalidInput(
            f"Failed to enforce schema of data `{value}` with dtype `{kind}`"
        ) from error


def _enforce_array(value: Any, items: ValueType, *, required: bool) -> Any:
    if not isinstance(value, list) and not is_array(value):
        raise InvalidInput(f"Expected data to be list or numpy array, got {type(value).__name__}")
    if items.is_scalar and len(value):
        held = _enforce_scalars(value, items.type)
        return held if is_array(value) else held.tolist()
    inner = [enforce_value(one, items, required=required) for one in value]
    if not is_array(value):
        return inner
    import numpy as np  # late: whoever has an array has it

    return np.asarray(inner)


def _enforce_scalars(values: Any, kind: Kind) -> Any:
    """An array of the type. As a whole: of numbers that are whole in part, JSON writes that part as integers."""
    import pandas as pd  # late: as above

    try:
        series = pd.Series(values)
    except ValueError as error:
        raise InvalidInput(f"Expected a list of plain values: {error}") from error
    return enforce_series("", series, kind).to_numpy(dtype=DTYPES.get(kind, "object"))


def _enforce_object(value: Any, properties: dict[str, Property]) -> Any:
    if not isinstance(value, dict):
        raise InvalidInput(f"Expected data to be dictionary, got {type(value).__name__}")
    missing = {name for name, one in properties.items() if one.required} - value.keys()
    if missing:
        raise InvalidInput(f"Missing required properties: {sorted(missing)}")
    unknown = value.keys() - properties.keys()
    if unknown:
        raise InvalidInput(
            f"Invalid properties not defined in the schema found: {sorted(map(str, unknown))}"
        )
    held = {}
    for name, one in value.items():
        try:
            held[name] = enforce_value(one, properties[name], required=properties[name].required)
        except InvalidInput as error:
            raise InvalidInput(
                f"Failed to enforce schema for key `{name}`. Expected type {properties[name].type}, "
                f"received type {type(one).__name__}"
            ) from error
    return held
