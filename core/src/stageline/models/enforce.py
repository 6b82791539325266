"""Data held to a schema before a model sees it: which way it goes, and what the caller is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from stageline.errors import InvalidInput
from stageline.models.data_kinds import is_array, is_frame, is_series
from stageline.models.enforce_columns import enforce_columns
from stageline.models.enforce_tensors import enforce_tensors
from stageline.models.schema import Column, Schema, Tensor, has_names, is_tensors, show

LONGEST_SHOWN = 500
"""Characters of the data in an error; a batch may have millions."""

_log = logging.getLogger("stageline")


def enforce_schema(data: Any, schema: Schema) -> Any:
    """`data` as the schema has it: inputs in its order, extra ones left out, types widened where nothing is lost.

    For columns the result is a frame, for tensors an array or a dict of them. What was given is not changed.

    Raises:
        InvalidInput: an input is missing, or has a type or shape that can not be turned into the one declared.
    """
    try:
        return _enforced(data, schema)
    except InvalidInput as error:
        shown = str(data)
        if len(shown) > LONGEST_SHOWN:
            shown = f"{shown[:LONGEST_SHOWN]}..."
        raise InvalidInput(
            f"Failed to enforce schema of data '{shown}' with schema '{show(schema)}'. Error: {error}"
        ) from error


def _enforced(data: Any, schema: Schema) -> Any:
    if is_series(data):
        data = data.to_frame()
    if is_tensors(schema):
        tensors = tuple(one for one in schema if isinstance(one, Tensor))
        return enforce_tensors(_with_the_only_name(data, schema), tensors)
    columns = tuple(one for one in schema if isinstance(one, Column))
    frame = as_frame(data, columns)
    if has_names(schema):
        _check_names(frame.columns, columns)
    elif len(frame.columns) < len(columns):
        raise InvalidInput(
            f"Model inference is missing inputs. The model signature declares {len(columns)} inputs  but the provided "
            f"value only has {len(frame.columns)} inputs. Note: the inputs were not named in the signature so we can "
            "only verify their count."
        )
    return enforce_columns(frame, columns)


def as_frame(data: Any, columns: tuple[Column, ...]) -> Any:
    """`data` as a pandas frame. Raises `InvalidInput`."""
    if is_frame(data):
        return data
    import pandas as pd  # late: a model of columns was made from a frame, so whoever uses it has pandas

    if isinstance(data, Mapping):
        return _frame_of_mapping(pd, data, columns)
    if isinstance(data, list) or is_array(data):
        return _built(pd.DataFrame, data)
    if isinstance(data, (str, bytes, bool, int, float)) or getattr(data, "shape", None) == ():
        return pd.DataFrame([data])
    raise InvalidInput(f"Expected input to be DataFrame. Found: {type(data).__name__}")


def _frame_of_mapping(pd: Any, data: Mapping[Any, Any], columns: tuple[Column, ...]) -> Any:
    """One row, if the values are those of a row; otherwise columns by name."""
    holds_nested = any(not column.is_scalar for column in columns)
    if holds_nested or all(_is_cell(value) for value in data.values()):
        return pd.DataFrame([dict(data)])
    flat = {
        key: value.tolist() if is_array(value) and value.ndim > 1 else value
        for key, value in data.items()
    }
    return _built(pd.DataFrame, flat)


def _is_cell(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return not is_array(value) or value.shape == ()


def _built(frame: Any, data: Any) -> Any:
    try:
        return frame(data)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            "This model contains a column-based signature, which suggests a DataFrame input. There was an error "
            f"casting the input data to a DataFrame: {error}"
        ) from error


def _with_the_only_name(data: Any, schema: Schema) -> Any:
    """An array for the one tensor that has a name; a dict or a frame must have all names."""
    if not has_names(schema):
        return data
    if len(schema) == 1 and is_array(data):
        return {schema[0].name: data}
    if is_frame(data):
        _check_names(data.columns, schema)
    elif isinstance(data, Mapping):
        _check_names(data.keys(), schema)
    return data


def _check_names(names: Any, schema: Schema) -> None:
    given = [*names]
    needed = [one.name for one in schema if isinstance(one, Tensor) or one.required]
    missing = [name for name in needed if name not in given]
    known = {one.name for one in schema}
    extra = [name for name in given if name not in known]
    if missing:
        note = f" Note that there were extra inputs: {extra}." if extra else ""
        raise InvalidInput(f"Model is missing inputs {missing}.{note}")
    if extra:
        _log.debug("inputs that the signature does not have are left out: %s", extra)
