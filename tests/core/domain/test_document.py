"""A stored document keeps what a later version put into it, and refuses what it can not understand."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from threading import Event, Thread

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.document import check_format, decode_document, encode_document
from stageline.errors import Corrupt, NotAllowed

FORMAT = "stageline.thing/2"


class Part(msgspec.Struct):
    size: int = 0
    labels: dict[str, str] = {}


class Thing(msgspec.Struct):
    name: str
    format: str = FORMAT
    part: Part = msgspec.field(default_factory=Part)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
# No name that the documents above know.
UNKNOWN = st.dictionaries(st.text(max_size=5).map("x-".__add__), JSON, max_size=3)


def stored(thing: Thing, previous: dict[str, object] | None = None) -> dict[str, object]:
    found: dict[str, object] = json.loads(encode_document(thing, previous))
    return found


@given(UNKNOWN, UNKNOWN)
def test_unknown_fields_are_kept_at_any_depth(
    outer: dict[str, object], inner: dict[str, object]
) -> None:
    written = {
        "format": FORMAT,
        "name": "before",
        "part": {"size": 1, "labels": {}, **inner},
        **outer,
    }
    thing, raw = decode_document(json.dumps(written).encode(), Thing, FORMAT, "it")
    thing.name = "after"
    thing.part.size = 2
    assert stored(thing, raw) == {
        **outer,
        "format": FORMAT,
        "name": "after",
        "part": {"size": 2, "labels": {}, **inner},
    }


def test_keys_of_a_plain_dict_are_the_users_and_may_go() -> None:
    written = {"name": "a", "format": FORMAT, "part": {"size": 1, "labels": {"old": "x"}}}
    thing, raw = decode_document(json.dumps(written).encode(), Thing, FORMAT, "it")
    thing.part.labels = {"new": "y"}
    assert stored(thing, raw)["part"] == {"size": 1, "labels": {"new": "y"}}


def test_new_document_holds_its_own_fields() -> None:
    assert stored(Thing("a")) == {
        "name": "a",
        "format": FORMAT,
        "part": {"size": 0, "labels": {}},
    }


def test_older_format_is_read() -> None:
    check_format("stageline.thing/1", FORMAT, "it")


@pytest.mark.parametrize("version", ["3", "10", "999999999"])
def test_newer_format_asks_for_an_upgrade(version: str) -> None:
    data = json.dumps({"format": f"stageline.thing/{version}", "name": 5}).encode()
    with pytest.raises(NotAllowed, match=rf"it has the format .*/{version}; .*upgrade stageline"):
        decode_document(data, Thing, FORMAT, "it")


@pytest.mark.parametrize(
    "found",
    [
        None,
        2,
        "",
        "stageline.thing",
        "stageline.other/1",
        "stageline.thing/",
        "stageline.thing/two",
        "stageline.thing/-1",
        "stageline.thing/²",
        "stageline.thing/" + "9" * 5000,
    ],
)
def test_other_format_is_corrupt(found: object) -> None:
    with pytest.raises(Corrupt, match=r"it should be a document of format stageline\.thing/2"):
        check_format(found, FORMAT, "it")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b'{"format": "stageline.thing/2"}',
        b'{"format": "stageline.thing/2", "name": 5}',
        b'{"format": "stageline.thing/2", "name": "\xff"}',
        b'{"format": ' + b"[" * 100_000,
    ],
    ids=["empty", "list", "null", "missing field", "wrong type", "no UTF-8", "nested without end"],
)
def test_what_is_no_such_document_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt, match=r"^it "):
        decode_document(data, Thing, FORMAT, "it")


@given(st.binary())
def test_noise_is_corrupt_and_nothing_else(data: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_document(data, Thing, FORMAT, "it")


@given(st.data())
def test_damaged_document_is_read_or_refused_with_our_errors(data: st.DataObject) -> None:
    sound = encode_document(Thing("a", part=Part(1, {"k": "v"})))
    damaged = bytearray(sound)
    damaged[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Corrupt, NotAllowed):
        decode_document(bytes(damaged), Thing, FORMAT, "it")


def test_threads_that_first_read_a_document_at_once_wait_for_each_other() -> None:
    # Where they do not, msgspec may crash the process: one uses what the other has found out half-way.
    inside, second = Event(), Event()

    def annotation() -> type:
        (second if inside.is_set() else inside).set()
        second.wait(0.2)
        return int

    kind = msgspec.defstruct("Slow", [("format", str), ("size", "annotation()")])
    kind.__annotations__["size"] = "annotation()"
    vars(sys.modules[kind.__module__])["annotation"] = annotation
    data = json.dumps({"format": FORMAT, "size": 3}).encode()
    read = [Thread(target=decode_document, args=(data, kind, FORMAT, "it")) for _ in range(2)]
    try:
        read[0].start()
        assert inside.wait(10)
        read[1].start()
        for thread in read:
            thread.join(10)
    finally:
        del vars(sys.modules[kind.__module__])["annotation"]
    assert not second.is_set()
    assert decode_document(data, kind, FORMAT, "it")[0].size == 3
