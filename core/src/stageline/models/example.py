"""The example of a model's input: kept as JSON beside the model, and in the form that a scoring server takes."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stageline.errors import Corrupt, InvalidInput
from stageline.models.data_kinds import is_array, is_frame, is_series, is_sparse
from stageline.models.folder import inside
from stageline.models.mlmodel import ExampleInfo

EXAMPLE = "input_example.json"
SERVING_EXAMPLE = "serving_input_example.json"


def split_example(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """The input, and the params if the example is a pair of both."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], Mapping):
        return example[0], dict(example[1])
    return example, None


def write_example(folder: Path, example: Any) -> ExampleInfo:
    """Write both files.

    Raises:
        InvalidInput: JSON has no word for something in the example.
    """
    data, params = split_example(example)
    kind, orient, body, serving_key = _described(data)
    stored = body if params is None else {"inputs": body, "params": params}
    serving = {serving_key: body, **({} if params is None else {"params": params})}
    (folder / EXAMPLE).write_text(_json(stored), encoding="utf-8")
    (folder / SERVING_EXAMPLE).write_text(_json(serving, indent=2), encoding="utf-8")
    return ExampleInfo(
        artifact_path=EXAMPLE,
        type=kind,
        pandas_orient=orient,
        serving_input_path=SERVING_EXAMPLE,
        params=None if params is None else "true",
    )


def read_example(folder: Path, info: ExampleInfo) -> tuple[Any, dict[str, Any] | None]:
    """The input and the params, in the form that they were given in. Raises `Corrupt`."""
    path = inside(folder, info.artifact_path, "the input example")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        body, params = (stored["inputs"], stored["params"]) if info.params else (stored, None)
        return _restored(body, info), params
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Corrupt(f"the input example {path} can not be read: {error}") from error


def _described(data: Any) -> tuple[str, str | None, Any, str]:
    """Kind, orientation, JSON, and the key under which a scoring server takes it."""
    if is_series(data):
        data = data.to_frame()
    if is_frame(data):
        return "dataframe", "split", _split(data), "dataframe_split"
    if is_sparse(data):
        return "ndarray", None, data.toarray(), "inputs"
    is_arrays = isinstance(data, Mapping) and data and all(map(is_array, data.values()))
    if is_array(data) or is_arrays:
        return "ndarray", None, data, "inputs"
    return "json_object", None, data, "inputs"


def _split(frame: Any) -> dict[str, Any]:
    rows = frame.astype(object).where(frame.notna(), None)
    return {"columns": [*frame.columns], "data": rows.to_numpy().tolist()}


def _restored(body: Any, info: ExampleInfo) -> Any:
    if info.type == "dataframe":
        import pandas as pd  # late: it is a frame that is asked for

        if isinstance(body, dict):
            return pd.DataFrame(body["data"], columns=body.get("columns"), index=body.get("index"))
        return pd.DataFrame(body)
    if info.type == "ndarray":
        import numpy as np  # late: it is an array that is asked for

        return (
            {key: np.asarray(one) for key, one in body.items()}
            if isinstance(body, dict)
            else np.asarray(body)
        )
    return body


def _json(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(_plain(value), indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"the input example can not be written as JSON: {error}. Give a few plain values, a frame or an array"
        ) from error


def _plain(value: Any) -> Any:
    """What JSON can say: numbers for those of numpy, null for NaN, base64 for bytes, ISO text for times."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if hasattr(value, "tolist"):  # of numpy, and of torch
        return _plain(value.tolist())
    return value.isoformat() if hasattr(value, "isoformat") else value
