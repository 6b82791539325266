"""A schema from an example of the data: types, names and shapes as MLflow infers them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from stageline.errors import InvalidInput
from stageline.models.data_kinds import (
    is_array,
    is_frame,
    is_from,
    is_missing,
    is_series,
    is_sparse,
)
from stageline.models.schema import (
    Column,
    Kind,
    Param,
    Property,
    Schema,
    Tensor,
    TensorShape,
    ValueType,
)

ANY = ValueType("any")
_MIXED = "Expected all values in list to be of same type"
_WANTED = "a pandas frame or series, a numpy array or a dict of them, a sparse matrix, a list, a dict, or a plain value"


def infer_schema(data: Any) -> Schema:
    """The schema of an example.

    Raises:
        InvalidInput: the example is of a kind that no schema describes, or mixes types where they must agree.
    """
    if is_frame(data):
        return tuple(_column(data.iloc[:, at], name) for at, name in enumerate(data.columns))
    if is_series(data):
        return (_column(data, data.name),)
    if is_array(data):
        return (_tensor(data, data.dtype),)
    if is_sparse(data):
        return (_tensor(data, data.data.dtype),)
    if isinstance(data, Mapping):
        return _of_mapping(data)
    if isinstance(data, list):
        return _of_list(data)
    kind = value_type(data)
    if kind is None or kind.type == "any":
        raise InvalidInput(f"no schema can be inferred from {data!r}: expected {_WANTED}")
    return (_named(kind, None, required=True),)


def infer_params(params: Mapping[str, Any]) -> tuple[Param, ...]:
    """The params of inference, from their defaults."""
    if not isinstance(params, Mapping):
        raise InvalidInput(f"params are a dict of name and default, not a {type(params).__name__}")
    return tuple(_param(str(name), default) for name, default in params.items())


def value_type(data: Any) -> ValueType | None:
    """The type of one value; None for an empty array, of which nothing is known."""
    if is_missing(data) or (isinstance(data, (list, Mapping)) and not data):
        return ANY
    if isinstance(data, Mapping):
        return ValueType(
            "object", properties={str(key): _property(key, one) for key, one in data.items()}
        )
    if isinstance(data, (list, tuple)) or is_array(data):
        return _array(data)
    return ValueType(scalar_kind(data))


def scalar_kind(value: Any) -> Kind:
    """The type of a plain value, of Python's or numpy's."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(value, "shape", None) == ():
        return dtype_kind(dtype)
    if is_from(value, "pandas", "Timestamp"):
        return "datetime"
    kinds: dict[type, Kind] = {
        bool: "boolean", int: "long", float: "double", str: "string", bytes: "binary", bytearray: "binary",
        datetime.datetime: "datetime", datetime.date: "datetime",
    }  # fmt: skip
    for cls in type(value).__mro__:
        if cls in kinds:
            return kinds[cls]
    raise InvalidInput(
        f"{value!r} is a {type(value).__name__}, which no schema describes: expected {_WANTED}"
    )


def dtype_kind(dtype: Any) -> Kind:
    """The type of the elements of an array or series that is not of objects."""
    kind, size = dtype.kind, dtype.itemsize
    if kind in "iu":
        if size < 4 or (kind == "i" and size == 4):
            return "integer"
        if size < 8 or kind == "i":
            return "long"
    elif kind == "f" and size <= 8:
        return "float" if size <= 4 else "double"
    plain: dict[str, Kind] = {
        "b": "boolean",
        "U": "string",
        "T": "string",
        "S": "binary",
        "M": "datetime",
    }
    if kind in plain:
        return plain[kind]
    raise InvalidInput(
        f"data of the type {dtype} (kind {kind!r}) can not be described: convert it first"
    )


def _column(series: Any, name: Any) -> Column:
    values = series.infer_objects() if series.dtype.kind == "O" else series
    if values.dtype.kind != "O":
        return _named(ValueType(dtype_kind(values.dtype)), name, required=not bool(values.hasnans))
    listed = values.tolist()
    kind = ValueType("string") if is_from(values.dtype, "pandas", "StringDtype") else _items(listed)
    return _named(kind, name, required=not any(map(is_missing, listed)))


def _items(values: list[Any]) -> ValueType:
    found = _array(values)
    if found is None or found.items is None:
        raise InvalidInput(f"nothing can be inferred from empty data: {str(values)[:100]}")
    return found.items


def _of_mapping(data: Mapping[Any, Any]) -> Schema:
    if not data or any(not isinstance(key, str) for key in data):
        raise InvalidInput("The dictionary keys are not all strings, or there are none.")
    if all(map(is_array, data.values())):
        return tuple(_tensor(array, array.dtype, name) for name, array in data.items())
    return tuple(
        _named(_sure(value_type(one), name), name, required=not _has_missing(one))
        for name, one in data.items()
    )


def _of_list(data: list[Any]) -> Schema:
    if not data:
        return (Column("string"),)
    if not all(isinstance(one, Mapping) for one in data):
        return (_named(_items(data), None, required=True),)
    names = dict.fromkeys(name for one in data for name in one)
    return tuple(
        _named(
            _items([one[name] for one in data if name in one]),
            name,
            required=all(one.get(name) is not None for one in data),
        )
        for name in names
    )


def _has_missing(value: Any) -> bool:
    return any(map(is_missing, value)) if isinstance(value, list) else is_missing(value)


def _tensor(array: Any, dtype: Any, name: str | None = None) -> Tensor:
    # Text and bytes carry the longest element's length in their type, which the next batch need not have.
    clean = {"U": "str", "S": "bytes"}.get(dtype.kind, str(dtype))
    shape = (-1, *array.shape[1:]) if array.shape else ()
    return Tensor(TensorShape(clean, tuple(int(size) for size in shape)), name)


def _array(values: Any) -> ValueType | None:
    result: ValueType | None = None
    for value in values:
        found = value_type(value)
        if found is not None:
            result = found if result is None else merged(result, found)
    return None if result is None else ValueType("array", items=result)


def merged(one: ValueType, other: ValueType) -> ValueType:
    """The type that holds what either holds. Raises `InvalidInput` if there is none."""
    if one == other or other.type == "any":
        return one
    if one.type == "any":
        return other
    if one.type == other.type == "array" and one.items and other.items:
        return ValueType("array", items=merged(one.items, other.items))
    if one.properties is not None and other.properties is not None:
        names = sorted({*one.properties, *other.properties})
        both = {
            name: _merged_property(one.properties.get(name), other.properties.get(name))
            for name in names
        }
        return ValueType("object", properties=both)
    raise InvalidInput(f"{_MIXED}, but found {one} and {other}")


def _merged_property(one: Property | None, other: Property | None) -> Property:
    if one is None or other is None:
        present = one or other
        assert present is not None
        return _as_property(present, required=False)
    return _as_property(merged(one, other), required=one.required and other.required)


def _property(name: Any, value: Any) -> Property:
    kind = _sure(value_type(value), name)
    return _as_property(kind, required=kind.type != "any")


def _as_property(kind: ValueType, *, required: bool) -> Property:
    return Property(kind.type, kind.items, kind.properties, kind.values, required)


def _named(kind: ValueType, name: Any, *, required: bool) -> Column:
    plain = name if name is None or isinstance(name, int) else str(name)
    return Column(kind.type, kind.items, kind.properties, kind.values, plain, required)


def _sure(kind: ValueType | None, name: Any) -> ValueType:
    if kind is None:
        raise InvalidInput(f"{name!r} is an empty array, from which no type can be inferred")
    return kind


def _param(name: str, default: Any) -> Param:
    if isinstance(default, Mapping):
        kind = value_type(default)
        return Param(name, "object", default, None, kind.properties if kind else None)
    if isinstance(default, (list, tuple)) or is_array(default):
        items = default.tolist() if is_array(default) else [*default]
        kind = _array(default)
        if kind is None or kind.items is None or not kind.items.is_scalar:
            raise InvalidInput(
                f"the param {name!r} should be a plain value or a list of them: {default!r}"
            )
        return Param(name, kind.items.type, [_plain(one) for one in items], (-1,))
    return Param(name, scalar_kind(default), _plain(default))


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return value.isoformat() if isinstance(value, datetime.date) else value
