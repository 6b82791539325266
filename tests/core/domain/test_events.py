"""A record says the same after it was stored, and a later version's record harms nobody."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import EVENTS, INT64, started

from stageline.domain import events as ev
from stageline.domain.run import RunStatus
from stageline.errors import Corrupt

# For ever: a log that was written under a number is read under it.
TAGS = {
    ev.Unknown: 0,
    ev.Started: 1,
    ev.PointLogged: 2,
    ev.PointsLogged: 3,
    ev.ParamsLogged: 4,
    ev.TagsSet: 5,
    ev.InputsLogged: 6,
    ev.ArtifactsStored: 7,
    ev.AttemptNoted: 8,
    ev.StatusSet: 9,
    ev.DeletionSet: 10,
    ev.OutputWritten: 11,
}


def test_tags_of_records_are_for_ever() -> None:
    assert {kind: kind.__struct_config__.tag for kind in ev.Event.__subclasses__()} == TAGS


@given(EVENTS)
def test_record_is_read_back(event: ev.AnyEvent) -> None:
    back = ev.decode_event(ev.encode_event(event))
    assert type(back) is type(event)
    # Not by ==: NaN differs from itself.
    assert ev.encode_event(back) == ev.encode_event(event)


def test_bare_tuple_is_a_point() -> None:
    assert ev.decode_event(ev.encode_event((2, "m", 0.5, 3, 4))) == ev.PointLogged("m", 0.5, 3, 4)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 5e-324, 1.7976931348623157e308, -0.0])
def test_odd_numbers_are_kept(value: float) -> None:
    back = ev.decode_event(ev.encode_event((2, "m", value, -(2**63), 2**63 - 1)))
    assert back == ev.PointLogged("m", value, -(2**63), 2**63 - 1)


def test_whole_number_as_a_value_is_a_number() -> None:
    back = ev.decode_event(ev.encode_event((2, "m", 1, 0, 0)))
    assert isinstance(back, ev.PointLogged)
    assert isinstance(back.value, float)


def test_missing_fields_at_the_end_have_their_defaults() -> None:
    status = ev.decode_event(ev.encode_event((9, 5, "KILLED")))
    assert status == ev.StatusSet(5, RunStatus.KILLED, None, None)
    start = ev.decode_event(ev.encode_event((1, 1, "r", "0", "Default", 1000)))
    assert start == started()


@given(EVENTS.filter(lambda event: not isinstance(event, ev.Unknown)), st.lists(INT64))
def test_fields_of_a_later_version_are_skipped(event: ev.AnyEvent, more: list[int]) -> None:
    fields: list[Any] = msgspec.msgpack.decode(ev.encode_event(event))
    assert ev.encode_event(ev.decode_event(ev.encode_event([*fields, *more]))) == ev.encode_event(
        event
    )


@given(st.integers(12, 2**63), st.lists(INT64 | st.text()))
def test_record_of_a_later_version_is_unknown(tag: int, fields: list[object]) -> None:
    assert ev.decode_event(msgspec.msgpack.encode([tag, *fields])) == ev.Unknown()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x93\x02\xa1m",
        ev.encode_event((2, "m", "0.5", 0, 0)),
        ev.encode_event((9, 1, "PAUSED")),
        ev.encode_event(()),
        ev.encode_event(("PointLogged", "m")),
        ev.encode_event({"type": 2}),
        b"\x95\x02\xa1\xff\xcb\0\0\0\0\0\0\0\0\0\0",
        b"\x91" * 100_000,
    ],
    ids=["empty", "cut", "type", "value", "no tag", "text tag", "map", "no UTF-8", "nested"],
)
def test_bytes_that_are_no_record_are_refused(payload: bytes) -> None:
    with pytest.raises(Corrupt):
        ev.decode_event(payload)


@given(st.binary())
def test_noise_is_unknown_or_refused(payload: bytes) -> None:
    with suppress(Corrupt):
        ev.decode_event(payload)
