"""Shards come back whole or are refused; their number stays small."""

from __future__ import annotations

import math
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indexed_runs import a_run, summaries
from zstandard import ZstdCompressor

from stageline.domain.summary_json import encode_summary
from stageline.errors import Corrupt, NotAllowed
from stageline.storage import shard as shard_module
from stageline.storage.index_changes import IndexLost, PackedShard
from stageline.storage.manifest import FULL_ROWS, ShardRef, covered, worth_merging
from stageline.storage.shard import Packed, pack_shards, unpack_shard


def framed(body: bytes, head: bytes = b"stageline.shard/1\n") -> bytes:
    frame = ZstdCompressor().compress(body)
    return head + crc32(frame).to_bytes(4, "little") + frame


@given(st.lists(summaries, min_size=1, max_size=5))
def test_what_was_packed_comes_back(given: list) -> None:
    (packed,) = pack_shards(given)
    assert packed.rows == len(given)
    rows = PackedShard("k", packed.data).rows()
    assert [encode_summary(summary) for summary, _ in rows] == [encode_summary(s) for s in given]


def test_non_finite_metrics_survive() -> None:
    values = [math.nan, math.inf, -math.inf]
    (packed,) = pack_shards(a_run(n, loss=value) for n, value in enumerate(values))
    found = [row.metrics["loss"].value for row, _ in PackedShard("k", packed.data).rows()]
    assert str(found) == str(values)


def test_a_shard_is_cut_by_rows_and_by_bytes() -> None:
    runs = [a_run(n) for n in range(10)]
    assert [each.rows for each in pack_shards(runs, max_rows=4)] == [4, 4, 2]
    assert [each.rows for each in pack_shards(runs, cut_at_bytes=1)] == [1] * 10
    assert list(pack_shards([])) == []


def whole() -> Packed:
    return next(pack_shards([a_run(1), a_run(2)]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"stageline.shard/1",
        b"stageline.shard/1\n",
        b"\xff" * 100,
        whole().data[:-1],
        whole().data[:-1] + b"?",
        framed(b"no array"),
        framed(b"\x91\x80")[:-3],
        b"stageline.shard/1\n" + crc32(b"no frame").to_bytes(4, "little") + b"no frame",
    ],
)
def test_a_damaged_shard_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        unpack_shard(data, "shard x")
    with pytest.raises(IndexLost):
        list(PackedShard("x", data).rows())


def test_rows_that_are_no_summaries_are_refused() -> None:
    with pytest.raises(IndexLost):
        list(PackedShard("x", framed(b"\x91\x80")).rows())


def test_a_newer_shard_asks_for_a_newer_version() -> None:
    with pytest.raises(NotAllowed, match="upgrade"):
        unpack_shard(framed(b"\x90", b"stageline.shard/2\n"), "shard x")


def test_a_decompression_bomb_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(Corrupt, match="1001 bytes"):
        unpack_shard(framed(b"\0" * 1001), "shard x")
    streaming = ZstdCompressor().compressobj()
    unsized = streaming.compress(b"\0" * 5000) + streaming.flush()
    data = b"stageline.shard/1\n" + crc32(unsized).to_bytes(4, "little") + unsized
    with pytest.raises(Corrupt):
        unpack_shard(data, "shard x")


def test_shards_stay_few_and_runs_are_seldom_rewritten() -> None:
    shards: list[ShardRef] = []
    rewritten = total = 0
    for fold in range(400):
        merged = worth_merging(shards, 256)
        rows = 256 + sum(shard.rows for shard in merged)
        rewritten += rows
        total += 256
        shards = [shard for shard in shards if shard not in merged]
        shards.append(ShardRef(key=f"s{fold}", rows=rows, bytes=200 * rows))
    assert sum(shard.rows for shard in shards) == total
    assert len(shards) <= 12
    assert sum(not shard.is_full for shard in shards) <= 8
    assert max(shard.rows for shard in shards) <= 2 * FULL_ROWS + 256
    assert rewritten < 14 * total


def test_a_list_of_parts_that_costs_more_than_the_shard_is_left_out() -> None:
    assert covered(["b", "a"]) == ["a", "b"]
    assert covered(str(n) for n in range(5000)) is None
