"""The arguments of a call as params: bound to their names, and shown so that nothing secret or huge gets out."""

from __future__ import annotations

import datetime
import enum
import hashlib
import inspect
import numbers
import os
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from stageline.domain.redaction import MASK, MAX_DEPTH, PLAIN, is_long, parts_of

if TYPE_CHECKING:
    from stageline.domain.redaction import Redactor
    from stageline.tasks.options import Tracking

DIGEST_UP_TO = 256 << 20
"""Bytes; a larger array is not read through for the sake of a param."""
_PLAIN = (numbers.Number, type(None), uuid.UUID, datetime.date, datetime.time, datetime.timedelta)


def bound_params(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments by name, defaults too, without `self` and `cls`. Empty if they do not fit: the call will say so."""
    try:
        signature, plain = _known(function)
        if len(args) == len(plain) and not kwargs:
            return dict(zip(plain, args, strict=True))
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {}
    bound.apply_defaults()
    params: dict[str, Any] = {}
    for place, (name, value) in enumerate(bound.arguments.items()):
        if place == 0 and name in ("self", "cls"):
            continue
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            params.update(value)
        else:
            params[name] = value
    return params


Known = tuple[inspect.Signature, tuple[str, ...]]
"""A signature, and the names of its parameters if each takes one argument that is a param; else none."""

_PLAIN_KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _known(function: Callable[..., Any]) -> Known:
    try:
        known = _signatures.get(function)
    except TypeError:  # a callable that can not be hashed
        return _read(function)
    if known is None:
        known = _signatures[function] = _read(function)
    return known


def _read(function: Callable[..., Any]) -> Known:
    signature = inspect.signature(function)
    found = signature.parameters
    names = tuple(found) if all(one.kind in _PLAIN_KINDS for one in found.values()) else ()
    return signature, () if names[:1] in (("self",), ("cls",)) else names


_signatures: WeakKeyDictionary[Callable[..., Any], Known] = WeakKeyDictionary()
"""Reading one takes longer than binding to it, and a mapped task is called many times."""


def param_texts(
    params: Mapping[str, Any], tracking: Tracking, redactor: Redactor
) -> dict[str, str]:
    """The params to record, as text."""
    return {
        name: _cut(_shown_or_type(name, value, redactor), tracking.max_param_chars)
        for name, value in params.items()
        if tracking.records_param(name)
    }


def _shown_or_type(name: str, value: Any, redactor: Redactor) -> str:
    try:
        return _shown(name, value, redactor)
    except (
        Exception
    ):  # any code may run when an argument is looked at, and one bad one must not cost the others
        return type(value).__qualname__


def _shown(name: str, value: Any, redactor: Redactor) -> str:
    if redactor.is_secret_name(name, value):
        return MASK
    if isinstance(value, str) and not isinstance(
        value, enum.Enum
    ):  # inside a container it is quoted
        return redactor.text(value)
    return redactor.text(show(value, redactor))


def show(value: Any, redactor: Redactor, depth: int = 0) -> str:
    """A value as text: plain values and containers of them in full, anything else by its type, shape and digest."""
    if type(value) in PLAIN:
        return str(value)
    if redactor.is_secret(value):
        return MASK
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, (str, os.PathLike)):
        text = redactor.text(str(value))
        return repr(text) if depth else text
    if isinstance(value, _PLAIN):
        return str(value)
    if depth < MAX_DEPTH and not is_long(value):
        if isinstance(value, Mapping):
            return "{" + ", ".join(_items(value, redactor, depth)) + "}"
        if type(value) in _BRACKETS:
            opening, closing = _BRACKETS[type(value)]
            inner = ", ".join(show(part, redactor, depth + 1) for _, part in parts_of(value))
            return f"{opening}{inner}{closing}"
        declared = parts_of(value)
        if declared:
            fields = ", ".join(_field(name, part, redactor, depth) for name, part in declared)
            return f"{type(value).__name__}({fields})"
    return describe(value)


_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}


def _items(value: Mapping[Any, Any], redactor: Redactor, depth: int) -> list[str]:
    return [
        f"{name!r}: {MASK if redactor.is_secret_name(name, part) else show(part, redactor, depth + 1)}"
        for name, part in parts_of(value)
    ]


def _field(name: str, part: Any, redactor: Redactor, depth: int) -> str:
    return (
        f"{name}={MASK if redactor.is_secret_name(name, part) else show(part, redactor, depth + 1)}"
    )


def describe(value: Any) -> str:
    """What an object is, never what it prints: `numpy.ndarray shape=(3, 2) dtype=float64 sha256=...`."""
    if inspect.isroutine(value) or inspect.isclass(value):
        return f"{value.__module__}.{value.__qualname__}"
    kind = type(value)
    told = [f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")]
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        told.append(f"shape={tuple(map(int, shape))}")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        told.append(f"bytes={len(value)}")
    elif is_long(value):
        told.append(f"len={len(value)}")
    if getattr(value, "dtype", None) is not None:
        told.append(f"dtype={value.dtype}")
    digest = _digest(value)
    if digest:
        told.append(f"sha256={digest}")
    return " ".join(told)


def _digest(value: Any) -> str:
    data: Any = None
    if isinstance(value, (bytes, bytearray)):
        data = value
    elif is_long(value):
        data = _as_json(value)
    elif type(value).__module__.partition(".")[0] == "pandas":
        data = _frame_rows(value)
    elif hasattr(value, "tobytes") and getattr(value, "nbytes", DIGEST_UP_TO) < DIGEST_UP_TO:
        data = value.tobytes()
    return _sha256(data) if data is not None else ""


def _sha256(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _as_json(value: Any) -> bytes | None:
    import json

    try:
        return json.dumps(value, sort_keys=True, default=describe).encode(errors="surrogatepass")
    except (TypeError, ValueError, RecursionError):  # keys of several types; a list in itself
        return None


def _frame_rows(value: Any) -> bytes | None:
    from pandas.util import hash_pandas_object

    try:
        return bytes(hash_pandas_object(value).to_numpy().tobytes())
    except (
        TypeError
    ):  # cells that can not be hashed, such as lists; or no frame but something else of pandas
        return None


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text)} characters, sha256={_sha256(text.encode(errors='surrogatepass'))})"
