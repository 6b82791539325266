"""A request's JSON, held to limits before it is parsed: a small body may ask for much memory, or for deep recursion."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from stageline.errors import InvalidInput

MAX_DEPTH = 64
"""Brackets within brackets; a batch of coloured pictures needs five."""
MAX_VALUES = 5_000_000
"""Numbers and texts of one request. As Python objects they take some 200 MB."""
MAX_ROWS = 1_000_000
"""Lists and objects of one request: an empty one costs 56 bytes of memory and two of JSON."""
MAX_COLUMNS = 10_000
"""Columns of a frame: pandas takes seconds for more."""

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def read_json(body: bytes) -> Any:
    """The value that `body` says, NaN and Infinity included, which the field's clients write.

    Raises:
        InvalidInput: it is no JSON, or goes beyond the limits.
    """
    check_size(body)
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # stricter than the field's clients: no NaN, no byte order mark, no lone surrogates
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, of a number of 5,000 digits
        raise InvalidInput(
            f"Invalid input. Ensure that input is a valid JSON formatted string. {error}"
        ) from None


def check_size(body: bytes) -> None:
    """Refuse what would be too many values, or too deep, once parsed. Raises `InvalidInput`."""
    brackets = body.translate(None, _NOT_BRACKETS)
    if not _is_flat(brackets):
        brackets = _TEXT.sub(b"", body).translate(
            None, _NOT_BRACKETS
        )  # those in texts do not count
        if not _is_flat(brackets):
            raise InvalidInput(
                f"Invalid input. The JSON is nested more than {MAX_DEPTH} deep, or its brackets do not match"
            )
    rows = brackets.count(b"[") + brackets.count(b"{")
    if rows > MAX_ROWS and _bare(body).count(b"[") + _bare(body).count(b"{") > MAX_ROWS:
        raise InvalidInput(
            f"Invalid input. The JSON has more than {MAX_ROWS} lists and objects: send it in several requests"
        )
    if body.count(b",") > MAX_VALUES and _bare(body).count(b",") > MAX_VALUES:
        raise InvalidInput(
            f"Invalid input. The JSON has more than {MAX_VALUES} values: send it in several requests"
        )


def _is_flat(brackets: bytes) -> bool:
    """Whether pairs of brackets vanish when those with nothing inside are removed, at most `MAX_DEPTH` times."""
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _bare(body: bytes) -> bytes:
    return _TEXT.sub(b"", body)
