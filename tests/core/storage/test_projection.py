"""A projection answers as a plain reading of the runs would, whatever they hold and however it got there."""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import sqlite3
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indexed_runs import (
    EXPERIMENT,
    a_run,
    comparisons,
    judged,
    orderings,
    summaries,
    views,
)

from stageline.domain.query import RUNS, parse_filter, parse_order_by
from stageline.domain.run import ViewType
from stageline.domain.summary import LastPoint, RunSummary
from stageline.storage import projection_keys
from stageline.storage.index_changes import Changes, IndexState, PackedShard, by_run
from stageline.storage.projection import Projection
from stageline.storage.projection_file import ProjectionLost
from stageline.storage.projection_sql import ArtifactUris
from stageline.storage.shard import encode_row, pack_shards

URIS = ArtifactUris("x://s/runs/", "/artifacts")
MEMORY = Path("/dev/null/no-folder")
"""A place where no file can be: the projection is in memory."""


def loading(given: list[RunSummary], *, since: IndexState | None = None) -> Changes:
    """Some of them in a shard, the others in the inbox."""
    half = len(given) // 2
    shards = [PackedShard("s", packed.data) for packed in pack_shards(given[:half])]
    since = since or IndexState()
    state = IndexState(epoch="e", manifest=since.manifest + 1)
    return Changes(since, state, since.epoch != "e", shards, given[half:], 0)


def holding(path: Path, given: list[RunSummary]) -> Projection:
    projection = Projection(path, EXPERIMENT)
    assert projection.apply(loading(given))
    return projection


def found(
    projection: Projection, filter_string: str = "", *order_by: str, limit: int = 1000
) -> list[str]:
    hits = projection.select(
        parse_filter(filter_string, RUNS), parse_order_by(order_by, RUNS), limit=limit, uris=URIS
    )
    return [hit.run_id for hit in hits]


# -- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [200, 1, 0])
@settings(max_examples=200, deadline=None)
@given(
    runs=st.lists(summaries, max_size=12),
    asked=st.lists(comparisons, max_size=3),
    order=orderings,
    view=views,
)
def test_answers_are_those_of_a_plain_reading(
    slots: int, runs: list, asked: list, order: list, view: ViewType
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection_keys, "SLOTS", slots)
        with holding(MEMORY, runs) as projection:
            hits = projection.select(asked, order, view, limit=100, uris=URIS)
            count = projection.count(asked, view, uris=URIS)
            loaded = projection.load([hit.run_id for hit in hits])
    expected = judged(runs, asked, order, view, "x://s")
    assert [hit.run_id for hit in hits] == expected
    assert count == len(expected)
    merged = by_run(runs)
    assert [str(run) for run in map(plain, loaded)] == [str(plain(merged[e])) for e in expected]


def plain(summary: RunSummary) -> object:
    return summary.to_run("")


@pytest.mark.parametrize("slots", [200, 0])
@settings(max_examples=100, deadline=None)
@given(
    parts=st.lists(st.lists(summaries, max_size=6), min_size=1, max_size=4),
    order=orderings,
    asked=st.lists(comparisons, max_size=1),
)
def test_taking_in_bit_by_bit_and_twice_is_taking_in_at_once(
    slots: int, parts: list, order: list, asked: list
) -> None:
    with pytest.MonkeyPatch.context() as patch, Projection(MEMORY, EXPERIMENT) as projection:
        patch.setattr(projection_keys, "SLOTS", slots)
        for part in [*parts, *parts[::-1]]:
            assert projection.apply(loading(part, since=projection.state()))
        hits = projection.select(asked, order, ViewType.ALL, limit=100, uris=URIS)
    everything = [run for part in parts for run in part]
    assert [h.run_id for h in hits] == judged(everything, asked, order, ViewType.ALL, "x://s")


@settings(max_examples=100, deadline=None)
@given(runs=st.lists(summaries, max_size=12), order=orderings, offset=st.integers(0, 4))
def test_sorted_results_of_several_projections_merge_into_one(
    runs: list, order: list, offset: int
) -> None:
    merged_runs = list(by_run(runs).values())
    parts = [merged_runs[n::3] for n in range(3)]
    keyed = []
    for part in parts:
        with holding(MEMORY, part) as projection:
            keyed.append(projection.select((), order, ViewType.ALL, limit=100, uris=URIS))
            skipped = projection.select((), order, ViewType.ALL, limit=2, offset=offset, uris=URIS)
        assert skipped == keyed[-1][offset : offset + 2]
    merged = heapq.merge(*keyed, key=lambda hit: hit.key)
    assert [h.run_id for h in merged] == judged(runs, (), order, ViewType.ALL, "x://s")


def test_nan_comes_just_before_missing_in_both_directions() -> None:
    values = {"r1": math.nan, "r2": 1.0, "r3": math.inf, "r4": -math.inf}
    runs = [a_run(0, run_id=run_id, loss=value) for run_id, value in values.items()]
    runs.append(RunSummary(run_id="r5"))
    with holding(MEMORY, runs) as projection:
        assert found(projection, "", "metrics.loss") == ["r4", "r2", "r3", "r1", "r5"]
        assert found(projection, "", "metrics.loss DESC") == ["r3", "r2", "r4", "r1", "r5"]
        assert found(projection, "metrics.loss > 0") == ["r2", "r3"]
        assert found(projection, "metrics.loss >= -1e999") == ["r2", "r3", "r4"]
        assert found(projection, "metrics.loss < 1e999") == ["r2", "r4"]
        assert found(projection, "metrics.loss != 1") == ["r1", "r3", "r4"]


def test_twelve_thousand_metrics_are_found_each() -> None:
    runs = [
        RunSummary(
            run_id=f"r{number}",
            started=(number, 1),
            metrics={
                f"m{key}": LastPoint(1, 0, 0, float(key + number))
                for key in range(number * 4000, number * 4000 + 8000)
            },
        )
        for number in range(2)
    ]
    with holding(MEMORY, runs) as projection:
        assert found(projection, "metrics.m11999 > 11999") == ["r1"]
        assert found(projection, "metrics.m4000 = 4000") == ["r0"]
        assert found(projection, "", "metrics.m4000") == ["r0", "r1"]
        assert found(projection, "", "metrics.m4000 DESC") == ["r1", "r0"]
        assert found(projection, "metrics.m5 >= 0") == ["r0"]
        loaded = projection.load(["r1"])[0]
        assert len(loaded.metrics) == 8000
        assert found(projection, " AND ".join(f"metrics.m{k} > 0" for k in range(4001, 4100))) == [
            "r1",
            "r0",
        ]


@pytest.mark.parametrize(
    "key",
    ["it's", 'a "quoted" one', "x); DROP TABLE runs; --", "?", "m0", "rid", "läs", "\U0001f600 x"],
)
def test_a_key_is_never_sql(key: str) -> None:
    runs = [RunSummary(run_id="r1", params={key: (1, key)}), RunSummary(run_id="r2")]
    quote = "`" if '"' in key else '"'
    text = '"' if "'" in key else "'"
    with holding(MEMORY, runs) as projection:
        if not ("'" in key and '"' in key) and text not in key:
            assert found(projection, f"params.{quote}{key}{quote} = {text}{key}{text}") == ["r1"]
        assert found(projection, "", f"params.{quote}{key}{quote} DESC") == ["r1", "r2"]


def test_a_pattern_sees_past_a_nul(tmp_path: Path) -> None:
    with holding(
        tmp_path / "x", [RunSummary(run_id="r1", params={"a": (1, "x\0y")})]
    ) as projection:
        assert found(projection, "params.a LIKE 'x'") == []
        assert found(projection, "params.a LIKE '%y'") == ["r1"]


def test_a_pattern_that_would_take_sqlite_for_ever_takes_no_time() -> None:
    runs = [RunSummary(run_id="r1", params={"a": (1, "a" * 5000)})]
    with holding(MEMORY, runs) as projection:
        pattern = "%a" * 3000 + "%b"
        assert found(projection, f"params.a LIKE '{pattern}'") == []


# -- the file -------------------------------------------------------------------------------------


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_taken_in_is_there_for_the_next_process(tmp_path: Path) -> None:
    with holding(tmp_path / "x", [a_run(1)]) as projection:
        state = projection.state()
    with Projection(tmp_path / "x", EXPERIMENT) as projection:
        assert projection.state() == state
        assert found(projection) == ["run00001"]
    assert files(tmp_path) == ["x.1-0.sqlite"]


def surviving_state(projection: Projection) -> IndexState:
    with contextlib.suppress(ProjectionLost):
        return projection.state()
    return projection.state()


def damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE diary (entry)")
    connection.close()


def older(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 0")
    connection.close()


@pytest.mark.parametrize("spoil", [damaged, torn, foreign, older])
def test_a_file_that_can_not_be_used_gives_way_to_an_empty_one(
    tmp_path: Path, spoil: object
) -> None:
    holding(tmp_path / "x", [a_run(n) for n in range(200)]).close()
    spoil(tmp_path / "x.1-0.sqlite")  # type: ignore[operator]
    with Projection(tmp_path / "x", EXPERIMENT) as projection:
        state = surviving_state(projection)
        if state == IndexState():
            assert projection.apply(loading([a_run(1)]))
        assert "run00001" in found(projection)
    assert "x.1-0.sqlite" not in files(tmp_path)


def test_a_file_that_is_spoilt_while_it_is_open_gives_way(tmp_path: Path) -> None:
    with holding(tmp_path / "x", [a_run(n) for n in range(500)]) as projection:
        projection.close()
        with open(tmp_path / "x.1-0.sqlite", "r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * 40_000)
        with pytest.raises(ProjectionLost):
            projection.load([f"run{n:05d}" for n in range(500)])
        assert projection.state() == IndexState()
        assert projection.apply(loading([a_run(1)]))
        assert found(projection) == ["run00001"]
    assert files(tmp_path) == ["x.1-1.sqlite"]


def test_another_process_follows_to_the_next_file(tmp_path: Path) -> None:
    with (
        holding(tmp_path / "x", [a_run(1)]) as one,
        Projection(tmp_path / "x", EXPERIMENT) as other,
    ):
        assert found(other) == ["run00001"]
        one.close()
        other.close()
        damaged(tmp_path / "x.1-0.sqlite")
        for projection in (one, other):
            assert surviving_state(projection) == IndexState()
        assert one.apply(loading([a_run(2)]))
        assert found(other) == ["run00002"]


def test_without_a_place_for_a_file_it_works_in_memory() -> None:
    with holding(MEMORY, [a_run(1)]) as projection:
        assert found(projection) == ["run00001"]


def test_a_reader_that_lags_behind_joins_what_others_took_in(tmp_path: Path) -> None:
    with (
        holding(tmp_path / "x", [a_run(1)]) as one,
        Projection(tmp_path / "x", EXPERIMENT) as other,
    ):
        since = other.state()
        late = loading([a_run(2)], since=since)
        assert one.apply(loading([a_run(3)], since=since))
        assert other.apply(late)
        assert found(one) == ["run00003", "run00002", "run00001"]


def test_what_either_of_two_readers_took_in_is_not_read_again(tmp_path: Path) -> None:
    with Projection(tmp_path / "x", EXPERIMENT) as projection:
        since = projection.state()
        ahead = IndexState(epoch="e", manifest=2, shards=frozenset("b"), inbox={"n.json": None})
        behind = IndexState(epoch="e", manifest=1, shards=frozenset("a"), inbox={"m.json": None})
        for state in (ahead, behind):
            assert projection.apply(Changes(since, state, True, [], [], 0))
        assert projection.state() == IndexState(
            epoch="e",
            manifest=2,
            shards=frozenset("ab"),
            inbox={"n.json": None, "m.json": None},
        )


def test_changes_of_another_index_are_refused(tmp_path: Path) -> None:
    with Projection(tmp_path / "x", EXPERIMENT) as projection:
        since = projection.state()
        old = loading([a_run(1)], since=since)
        newer = Changes(since, IndexState(epoch="f", manifest=1), True, [], [a_run(2)], 0)
        assert projection.apply(newer)
        assert not projection.apply(old)
        assert found(projection) == ["run00002"]


def test_a_reset_forgets_the_runs_that_are_gone(tmp_path: Path) -> None:
    with holding(tmp_path / "x", [a_run(1)]) as projection:
        since = projection.state()
        anew = Changes(since, IndexState(epoch="f", manifest=2), True, [], [a_run(2)], 0)
        assert projection.apply(anew)
        assert found(projection) == ["run00002"]


def test_it_may_be_used_after_a_fork(tmp_path: Path) -> None:
    with holding(tmp_path / "x", [a_run(1)]) as projection:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other tests have left threads
            child = os.fork()
        if child == 0:
            try:
                projection.apply(loading([a_run(2)], since=projection.state()))
                os.write(writing, ",".join(found(projection)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        said = os.read(reading, 1000).decode()
        os.close(reading)
        assert said == "run00002,run00001"
        assert found(projection) == ["run00002", "run00001"]


def test_a_long_text_does_not_widen_the_table(tmp_path: Path) -> None:
    noted = RunSummary(run_id="r1", tags={"note": (1, "x" * 5000), "short": (1, "y")})
    with holding(tmp_path / "x", [noted]) as projection:
        assert found(projection, "tags.note LIKE 'xx%' AND tags.short = 'y'") == ["r1"]
    connection = sqlite3.connect(tmp_path / "x.1-0.sqlite")
    slots = dict(connection.execute("SELECT key, slot FROM keys"))
    connection.close()
    assert slots == {"note": None, "short": 0}


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    with holding(tmp_path / "x", [a_run(1)]) as projection:
        path = tmp_path / "x.1-0.sqlite"
        connection = sqlite3.connect(path)
        before = connection.execute("SELECT body FROM bodies").fetchall()
        connection.close()
        assert before == [(encode_row(a_run(1)),)]
        projection.apply(loading([a_run(1)], since=projection.state()))
        assert projection.load(["run00001", "nobody"]) == [a_run(1)]
