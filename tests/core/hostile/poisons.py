"""What an object of a store may be replaced with: by a broken disk, a wrong copy, or somebody who means harm."""

from __future__ import annotations

import json
import pickle
import re
import struct
from collections.abc import Iterator
from zlib import crc32

import msgspec
import zstandard

DEEP = 200_000
HUGE = 1 << 30

_DIGITS = re.compile(r"[0-9a-f]{10,}|\d{3,}")
_VERSION = re.compile(rb"(stageline\.[\w-]+/)1\b")


def kind_of(key: str) -> str:
    """The key without what tells one object from another of its kind.

    >>> kind_of("tokens/00112233445566aa/made.json")
    'tokens/*/made.json'
    """
    return _DIGITS.sub("*", key)


def poisons(key: str, objects: dict[str, bytes]) -> Iterator[tuple[str, bytes | None]]:
    """What to put at `key`, by name; None to take it away."""
    data = objects[key]
    yield "nothing", None
    yield "empty", b""
    yield "garbage", bytes((17 * at + 5) % 256 for at in range(300))
    yield "truncated", data[: len(data) // 2]
    yield "flipped", _flipped(data)
    yield "nested", b'{"format":' + b"[" * DEEP + b"]" * DEEP + b"}"
    yield "msgpack nested", b"\x91" * DEEP
    yield "zeros", BOMB
    yield "huge length", _huge(data)
    yield "pickle", pickle.dumps(_Armed())
    yield "wrong fields", _wrong_fields(data)
    yield "newer", _VERSION.sub(rb"\g<1>9", data)
    same = [k for k in objects if k != key and kind_of(k) == kind_of(key)]
    if same:
        yield "another of its kind", objects[same[-1]]
    for other in ("_format.json", *_of_other_kinds(key, objects)):
        yield f"{kind_of(other)}", objects[other]


class _Armed:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


def _of_other_kinds(key: str, objects: dict[str, bytes]) -> list[str]:
    seen = {kind_of(key): key}
    for other in objects:
        seen.setdefault(kind_of(other), other)
    del seen[kind_of(key)]
    others = sorted(seen.values())
    # Two of them, different ones for each key.
    start = crc32(kind_of(key).encode()) % len(others)
    return [others[start], others[(start + len(others) // 2) % len(others)]]


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :] if data else b"\0"


def _wrong_fields(data: bytes) -> bytes:
    """The same document, each value of another type."""
    try:
        document = json.loads(data)
    except ValueError:
        return b'{"format": 7}'
    return json.dumps(_wrong(document, keep="format")).encode()


def _wrong(value: object, keep: str = "") -> object:
    match value:
        case dict():
            return {key: one if key == keep else _wrong(one) for key, one in value.items()}
        case list():
            return {"0": value}
        case str():
            return -1
        case bool() | None:
            return [[]]
        case _:
            return 10**300


def _compressed_zeros(size: int) -> bytes:
    compressor = zstandard.ZstdCompressor(level=1).compressobj(size=size)
    block = bytes(1 << 20)
    parts = [compressor.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, compressor.flush()])


def _huge(data: bytes) -> bytes:
    """Something like `data`, that says of itself that it is huge."""
    if data.startswith(b"SLSEG1\n"):  # a segment whose checksums hold
        head = _head_of(data)
        body = msgspec.msgpack.encode([head, HUGE, BOMB, msgspec.msgpack.encode([[], BOMB])])
        return b"SLSEG1\n" + struct.pack("<I", len(body)) + body + struct.pack("<I", crc32(body))
    if data.startswith(b"stageline.shard/1\n"):
        return b"stageline.shard/1\n" + crc32(BOMB).to_bytes(4, "little") + BOMB
    # MessagePack: an array of 2^32-1 items; as a log, a frame of 4 GB.
    return b"\xdd\xff\xff\xff\xff" + data


def _head_of(segment: bytes) -> object:
    (length,) = struct.unpack_from("<I", segment, 7)
    return msgspec.msgpack.decode(segment[11 : 11 + length])[0]


BOMB = _compressed_zeros(HUGE)
"""A frame of zstd that holds 1 GB of zeros."""
