"""Predictions as JSON, to the byte as MLflow's scoring server writes them."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from stageline.models.data_kinds import is_array, is_frame, is_from, is_series


def predictions_json(predictions: Any, *, wrapped: bool = True) -> bytes:
    """The body of an answer: `{"predictions": ...}`, or for what came unwrapped the predictions alone.

    NaN and Infinity are written as such, as by MLflow: JSON proper has no way to say them.

    Raises:
        TypeError, ValueError: JSON has no way to say what the model returned.
    """
    plain = _plain(predictions)
    return _ENCODER.encode({"predictions": plain} if wrapped else plain).encode()


def _plain(predictions: Any) -> Any:
    """What was returned as a whole: rows of a frame, nested lists of an array."""
    if is_array(predictions):
        return predictions.tolist()
    if is_series(predictions):
        predictions = predictions.to_frame(0 if predictions.name is None else predictions.name)
    if is_frame(predictions):
        return predictions.to_dict(orient="records")
    return predictions


def _default(value: Any) -> Any:
    """What JSON does not know, turned into what it may know; it comes here again if not."""
    found = _converted(value)
    if found is value:
        raise TypeError(f"a {type(value).__name__} can not be written as JSON")
    return found


def _converted(value: Any) -> Any:
    if is_array(value):
        plain = value.tolist()
        return [_converted(one) for one in plain] if value.dtype == object else plain
    if is_from(value, "numpy", "generic"):
        return value.item()
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")  # with line breaks: so it is in the field
    if isinstance(value, (datetime.date, datetime.time)):  # pandas' Timestamp and NaT are too
        return value.isoformat()
    if is_from(value, "pydantic", "BaseModel"):
        return value.model_dump()
    return value


_ENCODER = json.JSONEncoder(default=_default)
