"""Arrays of a request, `inputs` and `instances`, in a signature's types as MLflow's scoring server casts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.models.enforce_columns import DTYPES, enforce_value
from stageline.models.schema import Column, Schema, Tensor, has_names

if TYPE_CHECKING:
    from stageline.models.schema import Kind

_NUMPY: dict[Kind, str] = {**DTYPES, "string": "str", "binary": "bytes"}


def values_of_inputs(given: Any, schema: Schema | None) -> Any:
    """Arrays of `inputs`: columns by name, or one array. Raises `InvalidInput`."""
    return _said(lambda: _cast(given, schema))


def values_of_instances(given: Any, schema: Schema | None) -> Any:
    """Arrays of `instances`: rows, turned into columns if they have names. Raises `InvalidInput`."""
    return _said(lambda: _instances(given, schema))


def _said(cast: Callable[[], Any]) -> Any:
    try:
        return cast()
    except InvalidInput as error:
        raise InvalidInput(f"Invalid input. {error}") from error
    except Exception as error:  # of any kind: numpy, on whatever a stranger sent
        raise InvalidInput(
            f"Invalid input. Ensure that the input is a valid JSON-formatted string.\nError: {error}"
        ) from error


def _instances(given: Any, schema: Schema | None) -> Any:
    import numpy as np  # late: arrays are what is asked for

    known = _by_name(schema)
    if isinstance(given, list) and given and isinstance(given[0], dict):
        columns: dict[Any, list[Any]] = {}
        for row in given:
            for name, value in row.items():
                columns.setdefault(name, []).append(_as(value, known.get(name)))
        data: Any = {name: np.array(values) for name, values in columns.items()}
    else:
        data = _cast(given, schema)
    if isinstance(data, dict):
        _check_lengths(data, schema)
    return data


def _check_lengths(data: Mapping[Any, Any], schema: Schema | None) -> None:
    import numpy as np  # late: as above

    among = {name for name, one in data.items() if isinstance(one, (list, np.ndarray))}
    if schema is not None and has_names(schema):
        among &= {
            one.name
            for one in schema
            if isinstance(one, Tensor) or (one.required and one.type != "array")
        }
    if len({len(data[name]) for name in among}) > 1:
        raise InvalidInput("The length of values for each input/column name are not the same")


def _cast(given: Any, schema: Schema | None) -> Any:
    import numpy as np  # late: as above

    known = _by_name(schema)
    is_rows = isinstance(given, list) and any(isinstance(row, dict) for row in given)
    if schema is not None:
        if len(known) == 1 and isinstance(given, list) and not is_rows:
            given = {next(iter(known)): given}
        elif not has_names(schema) and not (isinstance(given, list) or np.isscalar(given)):
            raise InvalidInput(
                "Failed to parse input data. This model contains an un-named model signature which expects a single "
                f"n-dimensional array or a single value as input, however, an input of type {type(given)} was found."
            )
    if isinstance(given, dict):
        return {name: _as(value, known.get(name)) for name, value in given.items()}
    if isinstance(given, list) and all(isinstance(row, dict) for row in given):
        return [{name: _as(one, known.get(name)) for name, one in row.items()} for row in given]
    return _as(given, schema[0] if schema else None)


def _as(value: Any, one: Column | Tensor | None) -> Any:
    """A value as an array, or a scalar of numpy, of the type of `one`."""
    import numpy as np  # late: as above

    if one is None:
        return np.array(value)
    if isinstance(one, Tensor):
        return np.array(value, dtype=np.dtype(one.spec.dtype))
    if one.is_scalar:
        dtype = np.dtype(_NUMPY[one.type])
        return np.array(value, dtype) if isinstance(value, list) else np.array([value], dtype)[0]
    if one.type == "any":
        return value
    held = enforce_value(value, one, required=one.required)
    return np.array(held) if one.type == "array" else held


def _by_name(schema: Schema | None) -> dict[Any, Column | Tensor]:
    return {one.name: one for one in schema} if schema and has_names(schema) else {}
