"""Models to send requests to: they answer with what reached them, or with what is hard to write as JSON."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd


def kinds(data: Any) -> Any:
    """What reached the model: container, names, types, values."""
    if isinstance(data, pd.DataFrame):
        return {
            "frame": {str(name): _column(data[name]) for name in data.columns},
            "index": [str(one) for one in data.index],
        }
    if isinstance(data, dict):
        return {"dict": {str(name): kinds(one) for name, one in data.items()}}
    if isinstance(data, np.ndarray):
        return {"array": str(data.dtype), "shape": list(data.shape), "values": repr(data.tolist())}
    if isinstance(data, list):
        return {"list": [kinds(one) for one in data]}
    return {type(data).__name__: repr(data)}


def _column(series: pd.Series) -> dict[str, Any]:
    """Object columns by the types of their cells: the two sides may name the column's own type differently."""
    cells = [one.tolist() if isinstance(one, np.ndarray) else one for one in series.tolist()]
    is_text = str(series.dtype) in ("object", "str")
    return {"dtype": "object" if is_text else str(series.dtype), "values": repr(cells)}


ANSWERS: dict[str, Any] = {
    "floats": np.array([1.0, 1e16, 1.5e-9, 0.1 + 0.2]),
    "float32": np.array([0.1, 2.5], dtype="float32"),
    "not_numbers": np.array([np.nan, np.inf, -np.inf]),
    "ints": np.array([[1, 2], [3, 4]]),
    "bools": np.array([True, False]),
    "texts": np.array(["a", "b\u00e9", '"quoted"\n']),
    "objects": np.array([1, "a", None, 2.5], dtype=object),
    "bytes_array": np.array([b"ab", b"c"]),
    "times": np.array(["2026-01-02", "2026-01-03T04:05:06"], dtype="datetime64[ns]"),
    "times_us": np.array(["2026-01-02T03:04:05.000006"], dtype="datetime64[us]"),
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, np.nan]}),
    "frame_of_times": pd.DataFrame({"t": pd.to_datetime(["2026-01-02", None])}),
    "frame_of_arrays": pd.DataFrame({"v": [np.array([1, 2]), np.array([3])]}),
    "frame_without_names": pd.DataFrame([[1, 2.5]]),
    "series": pd.Series([1.5, 2.5]),
    "named_series": pd.Series([1, 2], name="score"),
    "list_of_scalars": [np.float64(1.5), np.int64(2), np.bool_(True), np.float32(0.1)],
    "dict": {"a": np.array([1, 2]), "b": {"c": np.float32(2.5)}},
    "dates": [
        datetime.date(2026, 1, 2),
        datetime.datetime(2026, 1, 2, 3, 4, 5),
        datetime.time(3, 4),
    ],
    "timestamp": [pd.Timestamp("2026-01-02T03:04:05Z"), pd.NaT],
    "bytes": [b"some bytes", bytearray(b"more")],
    "long_bytes": b"x" * 100,
    "scalar": 1,
    "text": "plain",
    "none": None,
    "nested": [[1, [2, [3]]], {"k": "\u2028"}],
    "empty": np.array([]),
    "keys": {1: "a", None: "b", 2.5: "d"},
}


def answers(data: Any) -> Any:
    """The answer that the request names: `{"inputs": ["floats"]}`."""
    return ANSWERS[str(np.asarray(data).ravel()[0])]


def fails(data: Any) -> Any:
    raise RuntimeError("the inside of the model: /secret/place")


def params(data: Any, params: dict[str, Any]) -> Any:
    """The params that reached the model."""
    return {name: f"{type(value).__name__} {value!r}" for name, value in sorted(params.items())}


BEHAVIOURS = {"kinds": kinds, "answers": answers, "fails": fails, "params": params}
