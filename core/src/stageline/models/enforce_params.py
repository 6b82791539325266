"""Params of inference held to their schema: defaults filled in, numbers widened, unknown ones left out."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from stageline.errors import InvalidInput
from stageline.models.data_kinds import is_array
from stageline.models.enforce_columns import enforce_value
from stageline.models.infer import scalar_kind
from stageline.models.schema import Kind, Param, ValueType

_WIDER: dict[Kind, tuple[Kind, ...]] = {
    "long": ("integer",),
    "float": ("integer", "long"),
    "double": ("integer", "long", "float"),
}
_PYTHON: dict[Kind, type] = {
    "boolean": bool, "integer": int, "long": int, "float": float, "double": float, "string": str, "binary": bytes,
}  # fmt: skip

_log = logging.getLogger("stageline")


def enforce_params(
    params: Mapping[str, Any] | None, schema: tuple[Param, ...] | None
) -> dict[str, Any]:
    """The value of every param of the schema, given or default. Raises `InvalidInput`, naming all that are wrong."""
    if params is not None and not isinstance(params, Mapping):
        raise InvalidInput(f"Parameters must be a dictionary. Got type '{type(params).__name__}'.")
    given = {str(name): value for name, value in (params or {}).items()}
    if schema is None:
        if given:
            _log.warning(
                "`params` can only be specified at inference time if the model signature defines a params schema. "
                "This model does not define a params schema. Ignoring provided params: %s", [*given],
            )  # fmt: skip
        return {}
    unknown = given.keys() - {param.name for param in schema}
    if unknown:
        _log.warning(
            "Unrecognized params %s are ignored for inference. Supported params are: %s.",
            sorted(unknown), [param.name for param in schema],
        )  # fmt: skip
    held: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for param in schema:
        try:
            held[param.name] = _held(given.get(param.name, param.default), param)
        except InvalidInput as error:
            wrong[param.name] = str(error)
    if wrong:
        raise InvalidInput(f"Invalid parameters found: {wrong}")
    return held


def _held(value: Any, param: Param) -> Any:
    if param.shape is None:
        if param.type == "object":
            enforce_value(
                dict(value) if isinstance(value, Mapping) else value,
                ValueType("object", properties=param.properties),
            )
            return value
        return _enforce_scalar(value, param.type)
    if not isinstance(value, (list, tuple)) and not (is_array(value) and value.ndim == 1):
        raise InvalidInput(
            f"Value must be a 1D array with shape (-1,) for param {param}, received {type(value).__name__}"
        )
    return [_enforce_scalar(one, param.type) for one in value]


def _enforce_scalar(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "datetime":
        return _time(value)
    if isinstance(value, (list, tuple, Mapping)) or is_array(value):
        raise InvalidInput(f"Value must be a scalar for type `{kind}`, got `{value}`")
    try:
        found = scalar_kind(value)
    except InvalidInput:
        found = None
    is_int = isinstance(value, int) and not isinstance(value, bool)
    fits = (
        found == kind
        or (is_int and kind == "integer")
        or (isinstance(value, float) and kind == "float")
    )
    if not fits and found not in _WIDER.get(kind, ()):
        raise InvalidInput(
            f"Can not safely convert `{type(value)}` to `{kind}` for value `{value}`"
        )
    return _PYTHON[kind](value)


def _time(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value
    text = str(value)
    try:
        # Python 3.10 does not know the Z.
        moment = datetime.datetime.fromisoformat(
            text[:-1] + "+00:00" if text.endswith("Z") else text
        )
    except ValueError as error:
        raise InvalidInput(
            f"Failed to convert value `{value}` from type `{type(value)}` to `datetime`"
        ) from error
    return moment.date() if len(text) == len("2026-01-31") else moment
