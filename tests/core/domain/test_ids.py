"""Ids are unique without asking anyone, sort by time, and mean the same everywhere."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain import names
from stageline.domain.ids import (
    derive_run_id,
    new_experiment_id,
    new_run_id,
    new_txn,
    new_writer_id,
)

PARTS = st.lists(st.text(max_size=4), max_size=4)


def test_run_id_is_a_uuid_of_version_7() -> None:
    for _ in range(200):
        as_uuid = uuid.UUID(new_run_id())
        assert as_uuid.version == 7
        assert as_uuid.variant == uuid.RFC_4122


def test_run_id_tells_the_millisecond_of_its_making() -> None:
    before = time.time_ns() // 1_000_000
    made = int(new_run_id()[:12], 16)
    assert before <= made <= time.time_ns() // 1_000_000


def test_run_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for millisecond in (0, 1, 1_700_000_000_000, 1_700_000_000_001, 2**47):
        monkeypatch.setattr(time, "time_ns", lambda now=millisecond: now * 1_000_000)
        ids.append(new_run_id())
    assert sorted(ids) == ids


def test_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    for make in (new_run_id, new_writer_id, new_txn):
        assert len({make() for _ in range(1000)}) == 1000


def test_new_ids_are_ids() -> None:
    assert names.check_run_id(new_run_id())
    assert names.check_run_id(derive_run_id("a"))
    assert names.check_experiment_id(new_experiment_id())


def test_experiment_id_fits_in_a_signed_64_bit_integer() -> None:
    assert 0 < int(new_experiment_id()) < 2**63


def test_writer_id_can_be_told_from_a_segment_number() -> None:
    assert "-" not in new_writer_id()
    assert "." not in new_writer_id()
    assert len(new_writer_id()) == 16


@given(PARTS, PARTS)
def test_other_parts_derive_another_id(one: list[str], other: list[str]) -> None:
    assert (derive_run_id(*one) == derive_run_id(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["a", ""], ["a"]),
        (["", "a"], ["a", ""]),
        (["1:a,"], ["a"]),
        (["a,1:b"], ["a", "b"]),
        (["a", "b"], ["b", "a"]),
    ],
)
def test_parts_do_not_run_together(one: list[str], other: list[str]) -> None:
    assert derive_run_id(*one) != derive_run_id(*other)


def test_derived_id_is_for_ever() -> None:
    # A retry under a later version must find the run of the first attempt.
    assert derive_run_id("airflow", "dag", "é") == "38ec6d0ec9a4c70fef5fb7688e91fd71"


def test_derived_id_is_32_hexadecimal_digits() -> None:
    assert len(derive_run_id("a")) == len(f"{int(derive_run_id('a'), 16):032x}") == 32
