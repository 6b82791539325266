"""What a signature is made of: columns, tensors and params, and their JSON in an MLmodel file."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from stageline.errors import Corrupt

ScalarKind: TypeAlias = Literal[
    "boolean", "integer", "long", "float", "double", "string", "binary", "datetime"
]
Kind: TypeAlias = Literal[
    "boolean", "integer", "long", "float", "double", "string", "binary", "datetime",
    "array", "object", "map", "any", "sparkml_vector",
]  # fmt: skip
SCALARS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")


class ValueType(msgspec.Struct, frozen=True, omit_defaults=True):
    """The type of a value: a scalar, an array of `items`, an object of `properties`, a map of `values`, or any."""

    type: Kind
    items: ValueType | None = None
    properties: dict[str, Property] | None = None
    values: ValueType | None = None

    def __str__(self) -> str:
        if self.type == "array" and self.items is not None:
            return f"Array({self.items})"
        if self.type == "map" and self.values is not None:
            return f"Map(str -> {self.values})"
        if self.properties is not None:
            inside = ", ".join(f"{name}: {kind}" for name, kind in sorted(self.properties.items()))
            return f"{{{inside}}}"
        return str(self.type)

    @property
    def is_scalar(self) -> bool:
        """Whether it is a plain value."""
        return self.type in SCALARS


class Property(ValueType, frozen=True, omit_defaults=True):
    """A field of an object."""

    required: bool = True

    def __str__(self) -> str:
        return f"{ValueType.__str__(self)} ({'required' if self.required else 'optional'})"


class Column(ValueType, frozen=True, omit_defaults=True):
    """A column of a frame. Either all columns of a schema have names or none has."""

    name: str | int | None = None
    required: bool = True

    def __str__(self) -> str:
        told = ValueType.__str__(self)
        if self.name is not None:
            told = f"{self.name!r}: {told}"
        return f"{told} ({'required' if self.required else 'optional'})"


class TensorShape(msgspec.Struct, frozen=True):
    """Element type, as numpy names it, and shape, where -1 is any length."""

    dtype: str
    shape: tuple[int, ...]


class Tensor(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="tensor"):
    """A tensor."""

    spec: TensorShape = msgspec.field(name="tensor-spec")
    name: str | int | None = None

    def __str__(self) -> str:
        told = f"Tensor({self.spec.dtype!r}, {self.spec.shape})"
        return told if self.name is None else f"{self.name!r}: {told}"


class Param(msgspec.Struct, frozen=True):
    """A parameter of inference: a scalar, or a list of them if its shape is (-1,)."""

    name: str
    type: Kind
    default: Any
    """Plain JSON; a datetime as text in ISO form."""
    shape: tuple[int, ...] | None = None
    properties: dict[str, Property] | None = None

    def __str__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.type} (default: {self.default}){shape}"


Schema: TypeAlias = tuple[Column, ...] | tuple[Tensor, ...]


def is_tensors(schema: Schema) -> bool:
    """Whether the schema is of tensors and not of columns."""
    return bool(schema) and isinstance(schema[0], Tensor)


def has_names(schema: Schema) -> bool:
    """Whether its inputs are found by name, not by position."""
    return bool(schema) and schema[0].name is not None


def show(schema: Schema) -> str:
    """The schema in one line, for messages."""
    return f"[{', '.join(str(one) for one in schema)}]"


def schema_to_json(schema: Schema) -> str:
    """As it stands in an MLmodel file."""
    return _json(
        [
            _explicit(msgspec.to_builtins(one))
            | ({"required": one.required} if isinstance(one, Column) else {})
            for one in schema
        ]
    )


def params_to_json(params: tuple[Param, ...]) -> str:
    """As they stand in an MLmodel file."""
    return _json(
        [
            {
                name: value
                for name, value in _explicit(msgspec.to_builtins(one)).items()
                if name != "properties" or value
            }
            for one in params
        ]
    )


def schema_from_json(text: str, what: str) -> Schema:
    """Raises `Corrupt`."""
    raw = _list(text, what)
    if not raw:
        raise Corrupt(
            f"the {what} of the signature are an empty list; either leave them out or name one"
        )
    kind: Any = list[Tensor] if raw[0].get("type") == "tensor" else list[Column]
    found = _converted(raw, kind, what)
    named = [one.name is not None for one in found]
    if any(named) != all(named):
        raise Corrupt(f"the {what} of the signature are named in part: {show(found)}")
    return found


def params_from_json(text: str) -> tuple[Param, ...]:
    """Raises `Corrupt`."""
    return _converted(_list(text, "params"), list[Param], "params")


def _explicit(raw: dict[str, Any]) -> dict[str, Any]:
    """With `required` spelled out on columns and properties: the field's own readers expect it there."""
    inner = {
        key: _explicit(raw[key]) for key in ("items", "values") if isinstance(raw.get(key), dict)
    }
    if isinstance(raw.get("properties"), dict):
        inner["properties"] = {
            name: {**_explicit(one), "required": one.get("required", True)}
            for name, one in raw["properties"].items()
        }
    return {**raw, **inner}


def _json(value: object) -> str:
    import json  # with the spaces that the field's files have, so that a diff of two files is short

    return json.dumps(value)


def _list(text: str, what: str) -> list[dict[str, Any]]:
    import json  # not msgspec: the field writes NaN and Infinity, which JSON proper does not have

    try:
        return msgspec.convert(json.loads(text), list[dict[str, Any]])
    except (ValueError, TypeError, RecursionError) as error:
        raise Corrupt(
            f"the {what} of the signature should be a JSON list of objects: {error}"
        ) from error


def _converted(raw: list[dict[str, Any]], into: Any, what: str) -> tuple[Any, ...]:
    try:
        return tuple(msgspec.convert(raw, into))
    except (msgspec.ValidationError, RecursionError) as error:
        raise Corrupt(
            f"the {what} of the signature can not be read: {error}. Infer the signature again and save the model"
        ) from error
