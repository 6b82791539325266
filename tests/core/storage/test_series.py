"""Points come back bit for bit, take little room, and damaged blocks are refused before they cost memory."""

from __future__ import annotations

import struct
import sys
from contextlib import suppress

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from memory_use import memory_peak
from records import INT64, realistic_points

from stageline.domain.run import MetricPoint
from stageline.errors import Corrupt
from stageline.storage.series import MAX_POINTS, Series, decode_columns, encode_columns

FLOATS = st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack("<d", raw)[0])
"""Every bit pattern, so NaNs with a payload too."""
ROWS = st.lists(st.tuples(INT64, INT64, FLOATS), max_size=8)


def series_of(rows: list[tuple[int, int, float]]) -> Series:
    series = Series()
    for step, timestamp, value in rows:
        series.append(step, timestamp, value)
    return series


def told(columns: dict[str, Series]) -> dict[str, tuple[bytes, ...]]:
    """Bit for bit: NaN differs from itself."""
    return {
        key: (s.steps.tobytes(), s.timestamps.tobytes(), s.values.tobytes())
        for key, s in columns.items()
    }


def block(directory: list[tuple[str, int, bool, bool]], body: bytes) -> bytes:
    """A block as another writer might have made it."""
    return msgspec.msgpack.encode((directory, body))


def packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@given(st.dictionaries(st.text(max_size=5), ROWS, max_size=4))
def test_columns_come_back_bit_for_bit(rows: dict[str, list[tuple[int, int, float]]]) -> None:
    columns = {key: series_of(points) for key, points in rows.items()}
    back = decode_columns(encode_columns(columns))
    assert told(back) == told(columns)
    assert list(back) == list(columns)


@pytest.mark.parametrize(
    "steps",
    [
        [-(2**63), 2**63 - 1],
        [2**63 - 1, -(2**63)],
        [-(2**63), -(2**63), 0, 2**63 - 1],
        [2**62, -(2**62), 2**62],
        [5],
        [],
    ],
)
def test_steps_further_apart_than_64_bits_are_kept(steps: list[int]) -> None:
    zeros = [0] * len(steps)
    back = decode_columns(encode_columns({"m": Series(steps, zeros, map(float, zeros))}))
    assert list(back["m"].steps) == steps


def test_thousands_of_keys_come_back() -> None:
    columns = {f"layer/{n}/loss": Series([n], [n], [n / 7]) for n in range(3000)}
    assert told(decode_columns(encode_columns(columns))) == told(columns)


def test_no_columns_are_few_bytes() -> None:
    data = encode_columns({})
    assert decode_columns(data) == {}
    assert len(data) < 20


def test_realistic_series_takes_at_most_12_bytes_a_point() -> None:
    points = realistic_points(20_000)
    series = Series(
        (p.step for p in points), (p.timestamp for p in points), (p.value for p in points)
    )
    assert len(encode_columns({"train/loss": series})) / len(points) <= 12


@given(st.dictionaries(st.sampled_from("ab"), ROWS))
def test_machines_of_either_byte_order_agree(rows: dict[str, list[tuple[int, int, float]]]) -> None:
    columns = {key: series_of(points) for key, points in rows.items()}
    other = "big" if sys.byteorder == "little" else "little"
    with pytest.MonkeyPatch.context() as patch:
        # What a machine of the other order holds in memory for the same numbers, and writes.
        for series in columns.values():
            swap(series)
        patch.setattr(sys, "byteorder", other)
        theirs = encode_columns_as_is(columns)
        patch.undo()
        for series in columns.values():
            swap(series)
    assert told(decode_columns(theirs)) == told(columns)


def swap(series: Series) -> None:
    for column in (series.steps, series.timestamps, series.values):
        column.byteswap()


def encode_columns_as_is(columns: dict[str, Series]) -> bytes:
    """Without differences, which can not be taken of numbers in the wrong order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stageline.storage.series._differences", lambda numbers: (numbers, False))
        return encode_columns(columns)


def test_extended_series_holds_both() -> None:
    series = Series([1], [2], [3.0])
    series.extend(Series([4], [5], [6.0]))
    assert list(series.points("m")) == [MetricPoint("m", 3.0, 1, 2), MetricPoint("m", 6.0, 4, 5)]
    assert len(series) == 2


def test_last_point_is_the_one_of_the_greatest_step_not_of_the_latest_logging() -> None:
    assert Series([5, 2], [1, 9], [0.5, 0.2]).last() == (5, 1, 0.5)


# -- damage -------------------------------------------------------------------------------------------

SOUND = encode_columns({"a": Series(range(50), range(50), map(float, range(50))), "b": Series()})


@pytest.mark.parametrize("length", range(len(SOUND)))
def test_block_that_is_cut_short_is_corrupt(length: int) -> None:
    with pytest.raises(Corrupt):
        decode_columns(SOUND[:length])


@given(at=st.integers(0, len(SOUND) * 8 - 1))
def test_flipped_bit_raises_nothing_but_corrupt(at: int) -> None:
    damaged = bytearray(SOUND)
    damaged[at // 8] ^= 1 << at % 8
    # The checksum is the frame's; here, what is read may be wrong, but reading ends well.
    with suppress(Corrupt):
        decode_columns(bytes(damaged))


@given(st.binary())
def test_noise_is_corrupt(data: bytes) -> None:
    with suppress(Corrupt):
        decode_columns(data)


def test_differences_that_leave_64_bits_are_corrupt() -> None:
    body = packed(b"\xff" * 7 * 2 + b"\x7f" * 2 + b"\0" * 32)
    with pytest.raises(Corrupt):
        decode_columns(block([("a", 2, True, True)], body))


@pytest.mark.parametrize(
    "directory",
    [
        [("a", MAX_POINTS + 1, True, True)],
        [("a", MAX_POINTS, True, True), ("b", MAX_POINTS, True, True)],
        [("a", 2**62, True, True)],
        [("a", 5, True, True), ("b", -5, True, True)],
        [("a", 2, True, True)],
        [],
    ],
)
def test_directory_that_claims_what_is_not_there_is_corrupt(
    directory: list[tuple[str, int, bool, bool]],
) -> None:
    with pytest.raises(Corrupt):
        decode_columns(block(directory, packed(b"\0" * 24)))


def test_frame_of_untold_size_must_hold_what_the_directory_says() -> None:
    untold = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * 24)
    assert len(decode_columns(block([("a", 1, True, True)], untold))["a"]) == 1
    with pytest.raises(Corrupt, match="should unpack to 48 bytes, but has 24"):
        decode_columns(block([("a", 2, True, True)], untold))


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = packed(b"\0" * (64 << 20))
    with memory_peak() as peak, pytest.raises(Corrupt):
        decode_columns(block([("a", 1, True, True)], bomb))
    assert peak() < 1 << 20


def test_bomb_of_untold_size_is_refused_before_it_is_unpacked() -> None:
    untold = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (64 << 20))
    with memory_peak() as peak, pytest.raises(Corrupt):
        decode_columns(block([("a", 1, True, True)], untold))
    assert peak() < 1 << 20
