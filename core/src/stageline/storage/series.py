"""Metric points as columns: about 7 bytes a point on disk, coded without leaving the standard library and zstd.

Body, zstd-compressed: for each key, in the order of the directory, three columns of 64-bit little-endian words:
steps as differences, timestamps as differences, values as they are. Each column is byte-shuffled (all first bytes,
then all second bytes ...), which is what makes slowly changing numbers compress.
"""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate
from operator import sub
from typing import TYPE_CHECKING, Any

import msgspec
import zstandard

from stageline.domain.document import UNREADABLE
from stageline.domain.run import MetricPoint
from stageline.domain.summary import last_of
from stageline.errors import Corrupt
from stageline.storage.packing import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WORD = 8
MAX_POINTS = 1 << 26
"""More than any writer puts in one block; a directory that claims more is not ours."""


class Series:
    """Points of one metric, as three arrays of the same length."""

    __slots__ = ("steps", "timestamps", "values")

    def __init__(
        self,
        steps: Iterable[int] = (),
        timestamps: Iterable[int] = (),
        values: Iterable[float] = (),
    ) -> None:
        self.steps = array("q", steps)
        self.timestamps = array("q", timestamps)
        self.values = array("d", values)

    def __len__(self) -> int:
        return len(self.values)

    def append(self, step: int, timestamp: int, value: float) -> None:
        """Add one point."""
        self.steps.append(step)
        self.timestamps.append(timestamp)
        self.values.append(value)

    def extend(self, other: Series) -> None:
        """Add all points of `other`."""
        self.steps.extend(other.steps)
        self.timestamps.extend(other.timestamps)
        self.values.extend(other.values)

    def last(self) -> tuple[int, int, float]:
        """Step, timestamp and value of the greatest point."""
        step = max(self.steps)
        if step == self.steps[-1] and self.steps.count(step) == 1:
            return step, self.timestamps[-1], self.values[-1]
        return last_of(list(zip(self.steps, self.timestamps, self.values, strict=True)))

    def points(self, key: str) -> Iterator[MetricPoint]:
        """The points, in the order in which they were logged."""
        return (
            MetricPoint(key, value, step, timestamp)
            for step, timestamp, value in zip(self.steps, self.timestamps, self.values, strict=True)
        )


class _Block(msgspec.Struct, array_like=True):
    directory: list[tuple[str, int, bool, bool]]
    """Key, number of points, and whether steps and timestamps are differences."""
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Block).decode


def encode_columns(columns: dict[str, Series]) -> bytes:
    """Columns by metric key to bytes."""
    directory: list[tuple[str, int, bool, bool]] = []
    parts: list[bytes] = []
    for key, series in columns.items():
        steps, steps_differ = _differences(series.steps)
        timestamps, timestamps_differ = _differences(series.timestamps)
        directory.append((key, len(series), steps_differ, timestamps_differ))
        parts += (_shuffled(steps), _shuffled(timestamps), _shuffled(series.values))
    body = zstandard.ZstdCompressor(level=3).compress(b"".join(parts))
    return _encode(_Block(directory, body))


def decode_columns(data: bytes) -> dict[str, Series]:
    """The inverse of `encode_columns`. Raises `Corrupt`."""
    try:
        block = _decode(data)
        points = sum(count for _, count, _, _ in block.directory)
        if points > MAX_POINTS or any(count < 0 for _, count, _, _ in block.directory):
            raise Corrupt(f"it claims to hold {points} of them")
        return _unpacked_columns(block.directory, unpacked(block.body, 3 * WORD * points))
    except (*UNREADABLE, OverflowError, zstandard.ZstdError, Corrupt) as error:
        raise Corrupt(f"a block of metric points can not be read: {error}") from error


def _unpacked_columns(
    directory: list[tuple[str, int, bool, bool]], body: bytes
) -> dict[str, Series]:
    columns: dict[str, Series] = {}
    at = 0
    for key, count, steps_differ, timestamps_differ in directory:
        width = count * WORD
        steps = _summed(_unshuffled("q", body[at : at + width]), steps_differ)
        timestamps = _summed(_unshuffled("q", body[at + width : at + 2 * width]), timestamps_differ)
        values = _unshuffled("d", body[at + 2 * width : at + 3 * width])
        columns[key] = Series(steps, timestamps, values)
        at += 3 * width
    return columns


def _differences(numbers: array[int]) -> tuple[array[int], bool]:
    try:
        plain = numbers.tolist()
        return array("q", [*plain[:1], *map(sub, plain[1:], plain)]), True
    except OverflowError:  # two steps further apart than 64 bits can say
        return numbers, False


def _summed(numbers: array[int], are_differences: bool) -> Iterable[int]:
    return accumulate(numbers) if are_differences else numbers


def _shuffled(words: array[Any]) -> bytes:
    if sys.byteorder == "big":
        words = array(words.typecode, words)
        words.byteswap()
    raw = words.tobytes()
    return b"".join(raw[i::WORD] for i in range(WORD))


def _unshuffled(typecode: str, shuffled: bytes) -> array[Any]:
    count = len(shuffled) // WORD
    raw = bytearray(len(shuffled))
    for i in range(WORD):
        raw[i::WORD] = shuffled[i * count : (i + 1) * count]
    words: array[Any] = array(typecode)
    words.frombytes(raw)
    if sys.byteorder == "big":
        words.byteswap()
    return words
