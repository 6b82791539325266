"""Names of keys: what goes in comes out, and nothing escapes."""

from __future__ import annotations

import string
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.errors import InvalidInput
from stageline.storage import layout
from stageline.storage.keys import checked_key

SAFE = set(string.ascii_letters + string.digits + "_-%")
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)


@given(number=st.integers(1, layout.LAST_REVISION))
def test_revision_is_read_back(number: int) -> None:
    assert layout.revision_number("some/folder/" + layout.revision(number)) == number


@given(one=st.integers(1, layout.LAST_REVISION), other=st.integers(1, layout.LAST_REVISION))
def test_newer_revision_sorts_first(one: int, other: int) -> None:
    assert (one > other) == (layout.revision(one) < layout.revision(other))


@pytest.mark.parametrize("key", ["", "a", "00.json", "9" * 20, "9" * 20 + ".tmp", ".DS_Store"])
def test_anything_else_is_no_revision(key: str) -> None:
    with pytest.raises(ValueError, match=key or "^$"):
        layout.revision_number(key)


@given(name=NAMES)
def test_quoted_name_is_one_safe_segment(name: str) -> None:
    quoted = layout.quoted(name)
    assert set(quoted) <= SAFE
    assert unquote(quoted) == name
    assert checked_key(quoted) == quoted


@given(one=NAMES, other=NAMES)
def test_two_names_share_no_journal(one: str, other: str) -> None:
    first, second = layout.experiment_name_journal(one), layout.experiment_name_journal(other)
    assert (first == second) == (one == other)
    # Nor does one lie in the other, or its entries would be listed among another name's.
    assert one == other or not first.startswith(second)


@given(name=NAMES)
def test_name_journal_fits_common_file_systems(name: str) -> None:
    key = layout.experiment_name_journal(name) + layout.revision(1)
    assert all(len(segment.encode()) <= 255 for segment in key.split("/"))
    assert checked_key(key) == key


@given(key=st.text(max_size=30))
def test_accepted_keys_stay_inside(key: str) -> None:
    try:
        checked_key(key)
    except InvalidInput:
        return
    assert not {"", ".", ".."} & set(key.split("/"))
    assert "\0" not in key
