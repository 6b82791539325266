"""Which keys a store accepts, checked the same way in every adapter."""

from __future__ import annotations

import os

from stageline.errors import InvalidInput

TEMPORARY = ".tmp-"
"""How the name of a file that is not yet an object starts, on a store that has to have such files."""


def checked_key(key: str) -> str:
    """`key`, or `InvalidInput` if it could mean another place, or nothing, on some store."""
    # The usual key passes on a few scans in C; only what looks odd is taken apart.
    is_odd = not key or key[0] in "/." or key[-1] == "/" or not key.isascii()
    if is_odd or "/." in key or "//" in key or "\0" in key or os.name == "nt":
        _refuse_odd(key, key.split("/"))
    return key


def checked_folder(prefix: str) -> str:
    """`prefix`, or `InvalidInput` if it is neither empty nor a folder ending in `/`."""
    if not prefix:
        return prefix
    if not prefix.endswith("/"):
        raise InvalidInput(
            f"a listing takes a folder: {prefix!r} does not end in '/'; try {prefix + '/'!r}"
        )
    checked_key(prefix[:-1])
    return prefix


def checked_data(key: str, data: bytes) -> bytes:
    """`data`, or `InvalidInput` if it is empty: some stores can not create an empty object exclusively."""
    if not data:
        raise InvalidInput(
            f"an object that is created needs content: nothing was given for {key!r}"
        )
    return data


def _refuse_odd(key: str, segments: list[str]) -> None:
    if not key:
        raise InvalidInput("a key can not be empty")
    if key.startswith("/"):
        raise InvalidInput(f"a key is relative to its store: {key!r} starts with '/'")
    if "\0" in key:
        raise InvalidInput(f"a key can not hold a NUL byte: {key!r}")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"a key must be valid Unicode: {key!r} holds a lone surrogate"
        ) from error
    if os.name == "nt" and ("\\" in key or ":" in key):
        raise InvalidInput(f"on Windows a key can not hold a backslash or a colon: {key!r}")
    for segment in segments:
        if segment in ("", ".", ".."):
            raise InvalidInput(f"a key can not hold the segment {segment!r}: {key!r}")
        if segment.startswith(TEMPORARY):
            raise InvalidInput(f"names that start with {TEMPORARY!r} are the store's own: {key!r}")
