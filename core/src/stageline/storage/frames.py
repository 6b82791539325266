"""Records in a row of bytes, so that each is known to be whole: framed, found again, told from damage.

    frame := u32 length | u32 crc32(payload) | payload          little-endian

A torn tail ends the row; damage before the end is skipped to the next frame whose checksum holds, and counted.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from stageline.errors import Corrupt, InvalidInput

MAX_RECORD = 64 << 20
"""Bytes; a length above it is damage, not a record."""

MAX_LOOKED = 4 << 30
"""Bytes of which checksums are taken in vain, some seconds: each byte of damage may claim to begin a long record."""

FRAME = struct.Struct("<II")
"""What stands before a payload: its length and its checksum."""


class Frames(NamedTuple):
    """What a stretch of a log holds."""

    payloads: list[bytes]
    end: int
    """Offset just after the last sound frame."""
    skipped: int
    """Bytes of damage passed over before it."""


def framed(payload: bytes) -> bytes:
    """A payload as a frame. Raises `InvalidInput` if it is longer than `MAX_RECORD`."""
    if len(payload) > MAX_RECORD:
        raise too_long(len(payload))
    return FRAME.pack(len(payload), crc32(payload)) + payload


def framed_size(length: int) -> int:
    """Bytes that a record of so many takes in a log."""
    return FRAME.size + length


def scan_frames(data: bytes, start: int = 0) -> Frames:
    """The sound frames of `data` from offset `start` on.

    Raises:
        Corrupt: so much of it is damaged that its sound frames could be looked for for hours.
    """
    payloads: list[bytes] = []
    at = end = start
    skipped = 0
    looks = MAX_LOOKED
    while at + FRAME.size <= len(data):
        length, checksum = FRAME.unpack_from(data, at)
        after = at + FRAME.size + length
        # Before anything is copied: each byte of a torn record of megabytes is looked at as a frame's beginning.
        if 0 < length <= MAX_RECORD and after <= len(data):
            payload = data[at + FRAME.size : after]
            if crc32(payload) == checksum:
                skipped += at - end
                payloads.append(payload)
                at = end = after
                continue
            looks -= length
            if looks < 0:
                raise Corrupt(
                    f"a log of {len(data)} bytes is damaged from byte {end} on, and each of them could begin a record: "
                    "put it back from a backup, or away"
                )
        at += 1
    return Frames(payloads, end, skipped)


def whole_in(frames: bytes, written: int) -> int:
    """How many of the first `written` bytes are frames that are there whole."""
    at = 0
    while True:
        after = at + FRAME.size + FRAME.unpack_from(frames, at)[0]
        if after > written:
            return at
        at = after


def too_long(size: int) -> InvalidInput:
    """What is raised for a payload of so many bytes."""
    return InvalidInput(
        f"a record of {size} bytes is more than any reader would take for sound: log it in smaller parts, of at most "
        f"{MAX_RECORD} bytes each"
    )
