"""Frames of a request, in the types of a model's signature, as MLflow's scoring server casts them."""

from __future__ import annotations

import base64
import importlib
import io
from collections.abc import Iterable
from typing import Any

from stageline.errors import InvalidInput
from stageline.models.enforce_columns import DTYPES, enforce_value
from stageline.models.schema import Column, Schema, Tensor, has_names, is_tensors
from stageline.models.scoring_json import MAX_COLUMNS, MAX_VALUES


def frame_of_split(given: Any, schema: Schema | None) -> Any:
    """A frame of `dataframe_split`. Raises `InvalidInput`."""
    if not isinstance(given, dict):
        raise InvalidInput(
            f"Invalid input. Dataframe split format must be a dictionary. Got {_kind(given)}."
        )
    if "data" not in given or given.keys() - {"columns", "data", "index"}:
        raise InvalidInput(
            "Invalid input. Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. "
            f"Got {_some(given)}."
        )
    data, columns = given["data"], given.get("columns")
    widest = len(data[0]) if isinstance(data, list) and data and isinstance(data[0], list) else 0
    _check_width(max(widest, len(columns) if isinstance(columns, list) else 0), schema)
    return _frame("split", schema, data=data, columns=columns, index=given.get("index"))


def frame_of_records(given: Any, schema: Schema | None) -> Any:
    """A frame of `dataframe_records`. Raises `InvalidInput`."""
    if not isinstance(given, list):
        raise InvalidInput(
            f"Invalid input. Dataframe records format must be a list of records. Got {_kind(given)}."
        )
    names: set[Any] = set()
    for one in given:
        if isinstance(one, dict):
            names.update(one)
        _check_width(len(names), schema)
    return _frame("records", schema, data=given)


def frame_of_csv(body: bytes, schema: Schema | None) -> Any:
    """A frame of a CSV with a header. Raises `InvalidInput`."""
    import pandas as pd  # late: whoever sends a table wants a frame

    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"Invalid input. Ensure that input is a valid UTF-8 encoded string. Error: '{error}'"
        ) from None
    _check_width(text.partition("\n")[0].count(",") + 1, schema)
    if text.count(",") + text.count("\n") > MAX_VALUES:
        raise InvalidInput(
            f"The CSV has more than {MAX_VALUES} values: send it in several requests"
        )
    dtypes: dict[Any, Any] = {}
    times: list[Any] = []
    if schema is not None:
        if is_tensors(schema):
            raise InvalidInput(
                _unreadable("CSV", "to_csv", "the model's signature is one of tensors: send JSON")
            )
        for place, column in enumerate(one for one in schema if isinstance(one, Column)):
            name = place if column.name is None else column.name
            if column.type == "datetime":
                times.append(name)  # pandas reads them on request only
            elif column.is_scalar:
                dtypes[name] = DTYPES.get(column.type, "object")
    try:
        frame = pd.read_csv(io.StringIO(text), dtype=dtypes)
        for name in times:
            if name in frame.columns:
                frame[name] = _times(frame[name])
    except Exception as error:  # of any kind: pandas has its own for each way to be no table
        raise InvalidInput(_unreadable("CSV", "to_csv", error)) from error
    return frame


def _frame(orient: str, schema: Schema | None, **parts: Any) -> Any:
    import pandas as pd  # late: a frame is what is asked for

    try:
        frame = pd.DataFrame(**parts)
    except Exception as error:  # of any kind: pandas, on whatever a stranger sent
        raise InvalidInput(
            f"Invalid input. Provided dataframe_{orient} field is not a valid dataframe representation in '{orient}' "
            f"format. Error: '{error}'"
        ) from error
    if schema is None:
        return frame
    for name, one in _chosen(frame.columns, schema):
        try:
            column = frame[name]
            is_twice = column.ndim != 1  # and refused later, unless the signature has no names
            if not is_twice:
                cast = _cast_column(column, one)
            else:
                cast = column.astype(one.spec.dtype) if isinstance(one, Tensor) else None
            if cast is not None:
                frame[name] = cast
        except Exception as error:  # of any kind: as above
            raise InvalidInput(
                f"Invalid input. Data is not compatible with model signature. Failed to convert column {name} to type "
                f"'{_told(one)}'. Error: '{error}'"
            ) from error
    return frame


def _chosen(columns: Any, schema: Schema) -> list[tuple[Any, Column | Tensor]]:
    if has_names(schema):
        return [(one.name, one) for one in schema if one.name in columns]
    if is_tensors(schema) and len(schema) == 1:
        return [(name, schema[0]) for name in columns]
    return list(zip(columns, schema, strict=False))


def _cast_column(series: Any, one: Column | Tensor) -> Any:
    """The column cast; None if it is to stay as it is until the signature is enforced."""
    if isinstance(one, Tensor):
        if one.spec.dtype == "bytes":
            return series.map(_utf8)
        return None if isinstance(series.iloc[0], list) else series.astype(one.spec.dtype)
    if one.type == "binary":
        return series.map(_binary)
    if one.type == "datetime":
        return _times(series)
    if one.type == "string":
        return None if str(series.dtype) in ("object", "str", "string") else series.astype(object)
    if one.is_scalar:
        dtype = DTYPES[one.type]
        return None if str(series.dtype) == dtype else series.astype(dtype)
    if one.type == "any":
        return None
    return series.map(lambda value: enforce_value(value, one, required=one.required))


def _times(series: Any) -> Any:
    import pandas as pd  # late: as above

    found = pd.to_datetime(series)
    return found.dt.as_unit("ns") if getattr(found.dt, "unit", "ns") != "ns" else found


def _binary(text: str) -> bytes:
    return base64.decodebytes(text.encode())


def _utf8(text: str) -> bytes:
    return text.encode()


def _check_width(width: int, schema: Schema | None) -> None:
    most = max(MAX_COLUMNS, 2 * len(schema or ()))
    if width > most:
        raise InvalidInput(f"The data has more than {most} columns")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "dictionary"
    return "list" if isinstance(value, list) else f"type {type(value)}"


def _some(names: Iterable[Any]) -> str:
    shown = [str(name)[:50] for name in list(names)[:20]]
    return str(shown)


def _told(one: Column | Tensor) -> str:
    return one.spec.dtype if isinstance(one, Tensor) else str(one.type)


def frame_of_parquet(body: bytes) -> Any:
    """A frame of a Parquet file, which says how large it is before it is read. Raises `InvalidInput`."""
    try:
        parquet: Any = importlib.import_module(
            "pyarrow.parquet"
        )  # late: few clients send it, and pyarrow is large

        file = parquet.ParquetFile(io.BytesIO(body))
        count, width = file.metadata.num_rows, file.metadata.num_columns
    except ImportError as error:
        raise InvalidInput(
            "Parquet is read where pyarrow is installed, and it is not here"
        ) from error
    except Exception as error:  # of any kind: pyarrow, on whatever a stranger sent
        raise InvalidInput(_unreadable("Parquet", "to_parquet", error)) from error
    _check_width(width, None)
    if count * width > MAX_VALUES:
        raise InvalidInput(
            f"The Parquet file has more than {MAX_VALUES} values: send it in several requests"
        )
    try:
        return file.read().to_pandas()
    except Exception as error:  # of any kind: as above
        raise InvalidInput(_unreadable("Parquet", "to_parquet", error)) from error


def _unreadable(kind: str, writer: str, error: object) -> str:
    return (
        f"Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid {kind}"
        f"{'-formatted' if kind == 'CSV' else ''} Pandas DataFrame produced using the `pandas.DataFrame.{writer}()` "
        f"method. Error: '{error}'"
    )
