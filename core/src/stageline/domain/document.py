"""Stored JSON documents: a named format, and fields that a later version wrote kept as they were."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any, TypeVar

import msgspec

from stageline.errors import Corrupt, NotAllowed

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for damaged bytes: text that is no UTF-8, and nesting without end, have their own errors."""

_readable: set[Any] = set()
_looking = Lock()


def _renew_lock() -> None:
    global _looking
    _looking = Lock()


# Another thread of the parent may hold it at the moment of the fork.
os.register_at_fork(after_in_child=_renew_lock)

_LONGEST_VERSION = 9
"""Digits; Python refuses to read a number of thousands of them, and with an error of its own."""


def check_format(found: object, expected: str, what: str) -> None:
    """Refuse a document of another kind, or of a newer major version.

    Raises:
        NotAllowed: `found` is a newer version of `expected`.
        Corrupt: it is no such document at all.
    """
    kind, _, version = expected.partition("/")
    found_kind, _, found_version = found.partition("/") if isinstance(found, str) else ("", "", "")
    if found_kind == kind and found_version.isdecimal() and len(found_version) <= _LONGEST_VERSION:
        if int(found_version) <= int(version):
            return
        raise NotAllowed(
            f"{what} has the format {found}; this version of Stageline reads up to {expected}: upgrade stageline"
        )
    raise Corrupt(
        f"{what} should be a document of format {expected}, but says {str(found)[:100]!r}"
    )


def readable(kind: T) -> T:
    """`kind` itself, a struct or a union of them, once msgspec knows it: what is read in threads is read into that.

    msgspec looks at a struct's annotations when it first reads one. Where two threads do so at once, one of them may
    use what the other has half-way found out, and the process dies of a segmentation fault (seen with msgspec 0.22).
    """
    if kind not in _readable:
        with _looking:
            msgspec.json.Decoder(kind)
            _readable.add(kind)
    return kind


def decode_document(
    data: bytes, into: type[T], expected: str, what: str
) -> tuple[T, dict[str, Any]]:
    """A document and its raw fields; give the raw fields to `encode_document` to keep those that are unknown here.

    Raises:
        Corrupt: the bytes are no such document.
        NotAllowed: it was written by a newer version.
    """
    try:
        raw = msgspec.json.decode(data)
        if not isinstance(raw, dict):
            raise Corrupt(f"{what} should be a JSON object, but is a {type(raw).__name__}")
        check_format(raw.get("format"), expected, what)
        return msgspec.convert(raw, readable(into)), raw
    except UNREADABLE as error:
        raise Corrupt(f"{what} can not be read: {error}") from error


def encode_document(document: Any, previous: dict[str, Any] | None = None) -> bytes:
    """`document` as JSON; fields of `previous` that it does not have are carried over, at any depth of objects."""
    fresh = msgspec.to_builtins(document)
    return msgspec.json.encode(_carried(previous, fresh, document) if previous else fresh)


def _carried(previous: dict[str, Any], fresh: dict[str, Any], document: Any) -> dict[str, Any]:
    if isinstance(document, dict):  # of structs, perhaps; its keys are the user's
        return {
            key: _merged(previous.get(key), value, document.get(key))
            for key, value in fresh.items()
        }
    if not isinstance(document, msgspec.Struct):
        return fresh
    known = {field.encode_name: field.name for field in msgspec.structs.fields(document)}
    merged = {key: value for key, value in previous.items() if key not in known}
    for key, value in fresh.items():
        inner = getattr(document, known[key]) if key in known else None
        merged[key] = _merged(previous.get(key), value, inner)
    return merged


def _merged(previous: Any, fresh: Any, document: Any) -> Any:
    if isinstance(previous, dict) and isinstance(fresh, dict):
        return _carried(previous, fresh, document)
    return fresh
