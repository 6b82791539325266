"""Whatever bytes a parser is given, it answers or refuses: with an error of ours, in bounded work, running nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from codecs_list import CODECS, Codec
from hypothesis import given
from hypothesis import strategies as st
from judging import bounded_memory, code_run
from poisons import DEEP

from stageline.errors import Corrupt
from stageline.storage.frames import scan_frames

MOST_STEPS, FOR_EACH_BYTE = 500_000, 20
"""Calls that one reading may take: a bound on hangs that needs no clock."""

BY_NAME = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
NAMES = st.sampled_from(range(1 << 16))
"""Where to cut."""

# What parsers stumble over, to be put anywhere.
SNAGS = st.sampled_from(
    [
        b"\0", b"\xff", b"\xed\xa0\x80", b"[" * 2_000, b"{" * 50, b'{"a":' * 2_000, b"((" * 50, b"'", b'"', b"`",
        b"1e400", b"-", b"9" * 5_000, b"NaN", b"null", b"true", b"[]", b"{}", b"\xdd\xff\xff\xff\xff",
        b"\xc1", b"!!python/object/apply:os.system [true]", b"&a [*a]", b"*a", b"<<: *a", b"\r\n", b"..", b"/", b"//",
        b"%00", b"%2e%2e", b"#", b"@", b":", b"::", b"=", b"AND ", b" LIKE ", b"\xe2\x80\xae", b"2024-13-45",
        b"0x", b"~",
    ]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A sound example after a few strokes."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at, to = sorted(draw(st.tuples(NAMES, NAMES)))
        at, to = at % (len(data) + 1), to % (len(data) + 1)
        at, to = min(at, to), max(at, to)
        match draw(st.integers(0, 5)):
            case 0:
                data = data[:at] + data[to:]
            case 1:
                data = data[:at] + draw(st.binary(max_size=8)) + data[at:]
            case 2:
                data = data[:to] + data[at:]
            case 3:
                data = data[:at] + draw(SNAGS) + data[at:]
            case 4 if data:
                at = min(at, len(data) - 1)
                data = (
                    data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
                )
            case _:
                data = data[:at] + draw(st.sampled_from(seeds))[at:]
    return data


@contextmanager
def counted_steps(size: int) -> Iterator[None]:
    """Give up after too many calls for so many bytes."""
    steps, most = 0, MOST_STEPS + FOR_EACH_BYTE * size

    def step(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += 1
        if steps > most:
            raise AssertionError(f"no end after {most} calls")

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        yield
    finally:
        sys.setprofile(before)


def check(codec: Codec, data: bytes) -> None:
    with code_run() as ran, counted_steps(len(data)):
        codec.judge(data)
    assert ran == []


@BY_NAME
def test_sound_examples_are_read(codec: Codec) -> None:
    assert codec.seeds
    refused = [seed for seed in codec.seeds if codec.judge(seed) is None]
    # Among those of addresses are some that must be refused.
    assert len(refused) < len(codec.seeds), refused


@BY_NAME
@given(data=st.data())
def test_damaged_example_is_answered_or_refused(codec: Codec, data: st.DataObject) -> None:
    check(codec, data.draw(damaged(codec.seeds)))


@BY_NAME
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_answered_or_refused(codec: Codec, data: bytes) -> None:
    check(codec, data)


@BY_NAME
@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"\x91" * DEEP,
        b"\xdd\xff\xff\xff\xff" * 50,
        b"(" * DEEP,
        b"metrics." * DEEP,
        b"a = 'b' AND " * (DEEP // 12),
        b"- " * DEEP,
        b"9" * DEEP,
        b"\0" * DEEP,
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + b"d: [*c, *c]\n" * 9_000,
        b'"' + b"\\" * DEEP,
    ],
    ids=lambda bomb: repr(bomb[:12]),
)
def test_bomb_is_refused_in_bounded_work(codec: Codec, bomb: bytes) -> None:
    with bounded_memory():
        check(codec, bomb)


def test_log_whose_every_byte_claims_a_long_record_is_given_up() -> None:
    # 4 MB of such would take a terabyte of checksums.
    hostile = (1 << 20).to_bytes(4, "little") * (1 << 20)
    with pytest.raises(Corrupt, match="damaged from byte 0 on"):
        scan_frames(hostile)
