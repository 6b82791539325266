"""A segment holds the stretch of a log that it was cut from, or says that it is damaged."""

from __future__ import annotations

import struct
from zlib import crc32

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from memory_use import memory_peak
from records import EVENTS, FEW, KEYS, NUMBERS, realistic_points

from stageline.domain import events as ev
from stageline.errors import Corrupt, NotAllowed
from stageline.storage.segment import Segment, SegmentHead, Stretch, decode_segment, encode_segment
from stageline.storage.series import Series, encode_columns

HEAD = SegmentHead(run_id="r", writer="w", attempt=2, number=3, start=10, end=99)
KEY = "runs/r/log/w-00000003.seg"
# Points are columns in a segment; packed ones have to be sound.
OTHERS = EVENTS.filter(lambda event: not isinstance(event, (ev.PointLogged, ev.PointsLogged)))


def stretch_of(*events: ev.AnyEvent) -> Stretch:
    stretch = Stretch()
    for event in events:
        stretch.take(ev.encode_event(event), event)
    return stretch


def points_logged(key: str, *steps: int) -> ev.PointsLogged:
    series = Series(steps, steps, map(float, steps))
    return ev.PointsLogged(encode_columns({key: series}), {key: series.last()})


def rows(segment: Segment) -> dict[str, list[tuple[int, int, str]]]:
    """Comparable: NaN by its name."""
    return {
        key: [(p.step, p.timestamp, repr(p.value)) for p in series.points(key)]
        for key, series in segment.columns.items()
    }


def segment_bytes(body: bytes) -> bytes:
    """As another writer might have made it."""
    return b"SLSEG1\n" + struct.pack("<I", len(body)) + body + struct.pack("<I", crc32(body))


def body_bytes(
    *,
    head: dict[str, object] | None = None,
    records: bytes = msgspec.msgpack.encode([]),
    size: int | None = None,
    frame: bytes | None = None,
    columns: bytes | None = None,
) -> bytes:
    return msgspec.msgpack.encode(
        (
            head or msgspec.to_builtins(HEAD),
            len(records) if size is None else size,
            zstandard.ZstdCompressor().compress(records) if frame is None else frame,
            encode_columns({}) if columns is None else columns,
        )
    )


@given(st.lists(OTHERS, max_size=6), st.lists(st.tuples(KEYS, NUMBERS, FEW, FEW), max_size=6))
def test_segment_is_read_back(
    events: list[ev.AnyEvent], points: list[tuple[str, float, int, int]]
) -> None:
    stretch = stretch_of(*events, *(ev.PointLogged(*point) for point in points))
    segment = decode_segment(encode_segment(HEAD, stretch), KEY)
    assert segment.head == HEAD
    assert segment.events == events
    expected: dict[str, list[tuple[int, int, str]]] = {}
    for key, value, step, timestamp in points:
        expected.setdefault(key, []).append((step, timestamp, repr(value)))
    assert rows(segment) == expected


@given(st.lists(OTHERS, max_size=6))
def test_same_stretch_gives_the_same_bytes(events: list[ev.AnyEvent]) -> None:
    # Or a segment that is sent again could not be told from another's.
    assert encode_segment(HEAD, stretch_of(*events)) == encode_segment(HEAD, stretch_of(*events))


def test_single_and_packed_points_lie_in_one_column() -> None:
    stretch = stretch_of(ev.PointLogged("m", 1.0, 1, 1), points_logged("m", 2, 3))
    segment = decode_segment(encode_segment(HEAD, stretch), KEY)
    assert sorted(segment.columns["m"].steps) == [1, 2, 3]


def test_stretch_of_nothing_is_empty() -> None:
    assert not Stretch()
    assert not decode_segment(encode_segment(HEAD, Stretch()), KEY).columns
    assert stretch_of(points_logged("m", 1))
    assert stretch_of(ev.TagsSet(1, {}))


def test_segment_of_a_realistic_run_takes_at_most_12_bytes_a_point() -> None:
    points = realistic_points(20_000)
    stretch = stretch_of(*(ev.PointLogged(*point) for point in points))
    assert len(encode_segment(HEAD, stretch)) / len(points) <= 12


SOUND = encode_segment(HEAD, stretch_of(ev.TagsSet(1, {"t": "x"}), points_logged("m", *range(20))))


@pytest.mark.parametrize("length", range(len(SOUND)))
def test_segment_that_is_cut_short_is_corrupt(length: int) -> None:
    with pytest.raises(Corrupt, match=KEY):
        decode_segment(SOUND[:length], KEY)


def test_segment_with_more_behind_it_is_corrupt() -> None:
    with pytest.raises(Corrupt, match=KEY):
        decode_segment(SOUND + b"\0", KEY)


@pytest.mark.parametrize("at", range(len(SOUND)))
def test_every_flipped_bit_is_found(at: int) -> None:
    for bit in range(8):
        damaged = bytearray(SOUND)
        damaged[at] ^= 1 << bit
        with pytest.raises(Corrupt, match=KEY):
            decode_segment(bytes(damaged), KEY)


@given(st.binary())
def test_body_of_noise_is_corrupt_though_its_checksum_holds(noise: bytes) -> None:
    with pytest.raises(Corrupt, match=KEY):
        decode_segment(segment_bytes(noise), KEY)


@pytest.mark.parametrize(
    "body",
    [
        body_bytes(size=0),
        body_bytes(size=-1),
        body_bytes(size=2**40),
        body_bytes(size=(256 << 20) + 1),
        body_bytes(size=2),
        body_bytes(frame=b""),
        body_bytes(frame=b"noise"),
        body_bytes(records=msgspec.msgpack.encode([b"\x93\x02\xa1m"])),
        body_bytes(records=msgspec.msgpack.encode("no list")),
        body_bytes(columns=b""),
        body_bytes(head={"run_id": "r"}),
        body_bytes(head={**msgspec.to_builtins(HEAD), "format": "stageline.wal/1"}),
        b"\x91" * 100_000,
    ],
    ids=range(13),
)
def test_body_that_makes_no_sense_is_corrupt(body: bytes) -> None:
    with pytest.raises(Corrupt, match=KEY):
        decode_segment(segment_bytes(body), KEY)


@pytest.mark.parametrize("tells_size", [True, False])
def test_bomb_is_refused_before_it_is_unpacked(tells_size: bool) -> None:
    packer = zstandard.ZstdCompressor(write_content_size=tells_size)
    bomb = segment_bytes(body_bytes(size=100, frame=packer.compress(b"\0" * (64 << 20))))
    with memory_peak() as peak, pytest.raises(Corrupt, match=KEY):
        decode_segment(bomb, KEY)
    assert peak() < 1 << 20


def test_newer_format_asks_for_an_upgrade() -> None:
    newer = {**msgspec.to_builtins(HEAD), "format": "stageline.segment/2", "mood": "good"}
    with pytest.raises(NotAllowed, match="upgrade stageline"):
        decode_segment(segment_bytes(body_bytes(head=newer)), KEY)


def test_record_and_fields_of_a_later_version_are_passed_over() -> None:
    records = msgspec.msgpack.encode(
        [ev.encode_event((99, "x")), ev.encode_event((5, 1, {"t": "x"}, "more"))]
    )
    head = {**msgspec.to_builtins(HEAD), "mood": "good"}
    segment = decode_segment(segment_bytes(body_bytes(head=head, records=records)), KEY)
    assert segment.events == [ev.Unknown(), ev.TagsSet(1, {"t": "x"})]
