"""What a reader of an index asks for, exactly; and that folding moves runs without hiding or losing any."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from indexed_runs import EXPERIMENT, a_run, beat, everything, finish, fresh_store, read_whole

from stageline.domain.summary import RunSummary
from stageline.domain.summary_json import encode_summary
from stageline.errors import NotAllowed
from stageline.storage import layout
from stageline.storage.index import GRACE_S, ExperimentIndex
from stageline.storage.index_changes import IndexLost, IndexState
from stageline.storage.memory import MemoryStore
from stageline.storage.port import Entry
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore

INBOX = layout.index_inbox(EXPERIMENT)
MANIFESTS = layout.index_manifests(EXPERIMENT)
SHARDS = layout.index_shard(EXPERIMENT, "").rpartition("/")[0] + "/"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def inner(clock: FixedClock) -> MemoryStore:
    store = MemoryStore("memory://index", clock)
    store.clear()
    return store


@pytest.fixture
def store(inner: MemoryStore) -> CountingStore:
    return CountingStore(inner)


@pytest.fixture
def index(store: CountingStore, clock: FixedClock) -> ExperimentIndex:
    return ExperimentIndex(store, EXPERIMENT, clock)


@pytest.fixture
def built(index: ExperimentIndex) -> ExperimentIndex:
    assert index.rebuild(lambda: [a_run(1), a_run(2)])
    return index


def names(store: MemoryStore, prefix: str) -> list[str]:
    return [entry.key.rpartition("/")[2] for entry in store.list(prefix)]


def test_no_manifest_is_no_index(index: ExperimentIndex, store: CountingStore) -> None:
    finish(store, a_run(1))
    with pytest.raises(IndexLost):
        index.changes(IndexState())
    with pytest.raises(IndexLost):
        index.fold()
    with pytest.raises(IndexLost):
        index.unreferenced()


def test_a_rebuilt_index_holds_what_it_was_given(built: ExperimentIndex) -> None:
    changes = built.changes(IndexState())
    assert changes.is_reset
    assert everything(changes) == {"run00001": a_run(1), "run00002": a_run(2)}


def test_an_experiment_without_runs_has_an_index_too(index: ExperimentIndex) -> None:
    assert index.rebuild(list)
    assert everything(index.changes(IndexState())) == {}


# -- requests -------------------------------------------------------------------------------------


def test_a_warm_reader_asks_for_two_listings(built: ExperimentIndex, store: CountingStore) -> None:
    finish(store, a_run(3))
    beat(store, a_run(4))
    state = built.changes(IndexState()).state
    with store.counted() as counts:
        changes = built.changes(state)
    assert changes.is_nothing
    assert counts.by_verb() == {"list": 2}


def test_a_cold_reader_asks_for_each_part_once(
    built: ExperimentIndex, store: CountingStore
) -> None:
    for number in range(10, 30):
        finish(store, a_run(number))
    assert built.fold() == 20
    for number in range(30, 37):
        finish(store, a_run(number))
    shards = len(store.inner.list(SHARDS)) - len(
        [entry for entry in built.unreferenced() if entry.key.startswith(SHARDS)]
    )
    with store.counted() as counts:
        changes = built.changes(IndexState())
    assert counts.by_verb() == {"list": 2, "read": 1 + shards + 7}
    assert len(everything(changes)) == 29
    assert changes.foldable == 7


def test_a_new_summary_costs_one_read(built: ExperimentIndex, store: CountingStore) -> None:
    state = built.changes(IndexState()).state
    finish(store, a_run(3))
    with store.counted() as counts:
        changes = built.changes(state)
    assert counts.by_verb() == {"list": 2, "read": 1}
    assert everything(changes) == {"run00003": a_run(3)}


def test_a_changed_heartbeat_is_read_again_and_an_unchanged_one_is_not(
    built: ExperimentIndex, store: CountingStore
) -> None:
    beat(store, a_run(3))
    state = built.changes(IndexState()).state
    beat(store, a_run(3, stamp=2))
    changes = built.changes(state)
    assert everything(changes) == {"run00003": a_run(3, stamp=2)}
    assert built.changes(changes.state).is_nothing


def test_a_heartbeat_is_not_read_beside_the_last_word(
    built: ExperimentIndex, store: CountingStore
) -> None:
    beat(store, a_run(3))
    finish(store, a_run(3, stamp=2))
    with store.counted() as counts:
        changes = built.changes(IndexState())
    assert [summary.started for summary in changes.summaries] == [(1003, 2)]
    assert counts.read == 3
    built.fold()
    assert built.changes(changes.state).summaries == []
    assert built.changes(IndexState()).summaries == []


def test_who_has_read_the_inbox_need_not_read_the_shard_made_of_it(
    built: ExperimentIndex, store: CountingStore
) -> None:
    for number in range(3, 9):
        finish(store, a_run(number))
    state = built.changes(IndexState()).state
    assert built.fold() == 6
    with store.counted() as counts:
        changes = built.changes(state)
    assert counts.by_verb() == {"list": 2, "read": 1}
    assert everything(changes) == {}
    with store.counted() as counts:
        assert built.changes(changes.state).is_nothing
    assert counts.by_verb() == {"list": 2}


def test_who_missed_one_summary_reads_the_shard(
    built: ExperimentIndex, store: CountingStore
) -> None:
    finish(store, a_run(3))
    state = built.changes(IndexState()).state
    finish(store, a_run(4))
    built.fold()
    assert {"run00003", "run00004"} <= everything(built.changes(state)).keys()


# -- folding --------------------------------------------------------------------------------------


def test_folded_entries_are_neither_lost_nor_read_twice(
    built: ExperimentIndex, store: CountingStore, clock: FixedClock
) -> None:
    finish(store, a_run(3))
    finish(store, a_run(1, stamp=9), writer="w2")
    before = read_whole(store)
    assert built.fold() == 2
    assert built.changes(IndexState()).summaries == []
    assert read_whole(store) == before
    clock.sleep(GRACE_S)
    assert built.fold() == 0
    assert read_whole(store) == before


def test_the_inbox_is_swept_a_grace_time_after_the_manifest_named_it(
    built: ExperimentIndex, store: CountingStore, inner: MemoryStore, clock: FixedClock
) -> None:
    beat(store, a_run(3))
    finish(store, a_run(3))
    beat(store, a_run(4))
    built.fold()
    clock.sleep(GRACE_S - 1)
    built.fold()
    assert len(names(inner, INBOX)) == 3
    clock.sleep(1)
    built.fold()
    assert names(inner, INBOX) == ["run00004-w1.live"]


def test_a_name_is_forgotten_once_its_entry_is_gone(
    built: ExperimentIndex, store: CountingStore, inner: MemoryStore, clock: FixedClock
) -> None:
    finish(store, a_run(3))
    built.fold()
    clock.sleep(GRACE_S)
    built.fold()
    finish(store, a_run(4))
    built.fold()
    newest = inner.read(inner.list(MANIFESTS)[0].key)
    assert b"run00004-w1.json" in newest
    assert b"run00003-w1.json" not in newest


def test_folding_an_empty_inbox_writes_nothing(
    built: ExperimentIndex, store: CountingStore
) -> None:
    with store.counted() as counts:
        assert built.fold() == 0
    assert counts.by_verb() == {"list": 2, "read": 1}


def test_merging_keeps_one_row_for_each_run(built: ExperimentIndex, store: CountingStore) -> None:
    for stamp in range(2, 8):
        finish(store, a_run(1, stamp=stamp), writer=f"w{stamp}")
        built.fold()
    changes = built.changes(IndexState())
    rows = [summary for shard in changes.shards for summary, _ in shard.rows()]
    assert sorted(row.run_id for row in rows) == ["run00001", "run00002"]
    assert everything(changes)["run00001"].status == a_run(1, stamp=7).status


def test_a_damaged_summary_is_left_out_and_spares_the_others(
    built: ExperimentIndex, store: CountingStore, caplog: pytest.LogCaptureFixture
) -> None:
    key = finish(store, a_run(3))
    store.replace(key, b"{torn")
    finish(store, a_run(4))
    with caplog.at_level(logging.WARNING):
        assert built.fold() == 1
        assert read_whole(store).keys() == {"run00001", "run00002", "run00004"}
    assert key in caplog.text


def test_what_is_no_entry_is_ignored(built: ExperimentIndex, inner: MemoryStore) -> None:
    for folder in (INBOX, MANIFESTS):
        inner.replace(f"{folder}.DS_Store", b"?")
        inner.replace(f"{folder}~", b"?")
    assert len(everything(built.changes(IndexState()))) == 2
    assert built.fold() == 0


class Meddling:
    """Does something once, just before a verb is passed on to a key that ends so."""

    def __init__(
        self, inner: MemoryStore, verb: str, ending: str, meddle: Callable[[], object]
    ) -> None:
        self._inner = inner
        self._verb = verb
        self._ending = ending
        self._meddle = meddle
        self.url = inner.url

    def __getattr__(self, verb: str) -> Callable[..., object]:
        def call(key: str, *args: object, **options: object) -> object:
            if verb == self._verb and key.endswith(self._ending):
                self._ending = "never again"
                self._meddle()
            return getattr(self._inner, verb)(key, *args, **options)

        return call


def meddled(inner: MemoryStore, clock: FixedClock, *when: object) -> ExperimentIndex:
    return ExperimentIndex(Meddling(inner, *when), EXPERIMENT, clock)  # type: ignore[arg-type]


def fold_and_sweep(built: ExperimentIndex, clock: FixedClock) -> None:
    built.fold()
    clock.sleep(GRACE_S)
    built.fold()


def test_an_entry_that_is_folded_and_swept_before_it_is_read_is_found_in_the_shard(
    built: ExperimentIndex, inner: MemoryStore, clock: FixedClock
) -> None:
    key = finish(inner, a_run(3))
    reader = meddled(inner, clock, "read", key, lambda: fold_and_sweep(built, clock))
    found = everything(reader.changes(IndexState()))
    assert found.keys() == {"run00001", "run00002", "run00003"}


def test_listings_that_came_back_slowly_do_not_hide_a_run(
    built: ExperimentIndex, inner: MemoryStore, clock: FixedClock
) -> None:
    finish(inner, a_run(3))
    state = built.changes(IndexState()).state
    finish(inner, a_run(4))

    class Slow:
        """Answers with the manifests of before, and with the inbox of after, a fold and a sweep."""

        url = inner.url
        manifests = inner.list(MANIFESTS, limit=1)
        asked = 0

        def list(self, prefix: str, **options: bool) -> list[Entry]:
            if prefix == INBOX:
                fold_and_sweep(built, clock)
                return inner.list(prefix)
            Slow.asked += 1
            return Slow.manifests if Slow.asked == 1 else inner.list(prefix, limit=1)

        read = staticmethod(inner.read)

    changes = ExperimentIndex(Slow(), EXPERIMENT, clock).changes(state)  # type: ignore[arg-type]
    assert "run00004" in everything(changes)


def test_a_stale_listing_of_an_entry_that_is_gone_changes_nothing(
    built: ExperimentIndex, inner: MemoryStore, clock: FixedClock
) -> None:
    finish(inner, a_run(3))
    stale = inner.list(INBOX)
    fold_and_sweep(built, clock)
    finish(inner, a_run(4))
    built.fold()

    class Stale:
        url = inner.url
        read = staticmethod(inner.read)

        def list(self, prefix: str, **options: int) -> list[Entry]:
            return stale if prefix == INBOX else inner.list(prefix)

    changes = ExperimentIndex(Stale(), EXPERIMENT, clock).changes(IndexState())  # type: ignore[arg-type]
    assert everything(changes).keys() == {"run00001", "run00002", "run00003", "run00004"}


def test_a_stale_listing_of_manifests_does_not_take_a_reader_back(
    built: ExperimentIndex, inner: MemoryStore, clock: FixedClock
) -> None:
    stale = inner.list(MANIFESTS)
    finish(inner, a_run(3))
    built.fold()
    state = built.changes(IndexState()).state

    class Stale:
        url = inner.url
        read = staticmethod(inner.read)

        def list(self, prefix: str, **options: int) -> list[Entry]:
            return stale if prefix == MANIFESTS else inner.list(prefix)

    assert ExperimentIndex(Stale(), EXPERIMENT, clock).changes(state).is_nothing  # type: ignore[arg-type]


def test_the_loser_of_a_race_deletes_nothing(
    built: ExperimentIndex, store: CountingStore, inner: MemoryStore, clock: FixedClock
) -> None:
    finish(inner, a_run(3))
    built.fold()
    finish(inner, a_run(4))
    clock.sleep(GRACE_S)
    following = layout.revision(3)
    loser = meddled(
        inner,
        clock,
        "create",
        following,
        lambda: inner.create(MANIFESTS + following, inner.read(inner.list(MANIFESTS)[0].key)),
    )
    assert loser.fold() == 0
    assert names(inner, INBOX) == ["run00003-w1.json", "run00004-w1.json"]
    assert "run00004" in read_whole(inner)


# -- damage ---------------------------------------------------------------------------------------


def spoil(inner: MemoryStore, prefix: str, body: bytes | None) -> None:
    for entry in inner.list(prefix):
        if body is None:
            inner.delete(entry.key)
        else:
            inner.replace(entry.key, body)


@pytest.mark.parametrize(
    "body",
    [None, b"?", b"{}", b'{"format": "stageline.manifest/1"}', b"stageline.shard/1\n1234zstd"],
)
@pytest.mark.parametrize("prefix", [MANIFESTS, SHARDS])
def test_a_missing_or_damaged_part_asks_for_a_rebuild(
    built: ExperimentIndex, inner: MemoryStore, prefix: str, body: bytes | None
) -> None:
    spoil(inner, prefix, body)
    with pytest.raises(IndexLost):
        everything(built.changes(IndexState()))
    finish(inner, a_run(3))
    with pytest.raises(IndexLost):
        built.fold()
    assert built.rebuild(lambda: [a_run(8)])
    assert everything(built.changes(IndexState())).keys() == {"run00003", "run00008"}


def test_a_reader_notices_that_its_index_was_deleted(
    built: ExperimentIndex, inner: MemoryStore
) -> None:
    state = built.changes(IndexState()).state
    spoil(inner, f"index/{EXPERIMENT}/", None)
    with pytest.raises(IndexLost):
        built.changes(state)


def test_a_reader_notices_an_index_that_was_made_anew_under_the_same_number(
    built: ExperimentIndex, inner: MemoryStore
) -> None:
    state = built.changes(IndexState()).state
    spoil(inner, f"index/{EXPERIMENT}/", None)
    built.rebuild(lambda: [a_run(5)])
    changes = built.changes(state)
    assert changes.is_reset
    assert everything(changes) == {"run00005": a_run(5)}


def test_a_manifest_can_not_name_objects_elsewhere(
    built: ExperimentIndex, inner: MemoryStore
) -> None:
    newest = inner.list(MANIFESTS)[0].key
    inner.replace(newest, inner.read(newest).replace(SHARDS.encode(), b"runs/"))
    with pytest.raises(IndexLost):
        built.changes(IndexState())


def test_a_newer_manifest_is_not_rebuilt_over(built: ExperimentIndex, inner: MemoryStore) -> None:
    newest = inner.list(MANIFESTS)[0].key
    inner.replace(newest, inner.read(newest).replace(b"manifest/1", b"manifest/2"))
    with pytest.raises(NotAllowed, match="upgrade"):
        built.changes(IndexState())


def test_a_rebuild_that_was_overtaken_gives_way(
    built: ExperimentIndex, inner: MemoryStore, clock: FixedClock
) -> None:
    def read_slowly() -> list[RunSummary]:
        finish(inner, a_run(3))
        fold_and_sweep(built, clock)
        return [a_run(1), a_run(2)]  # read before run 3 began

    assert not built.rebuild(read_slowly)
    assert "run00003" in read_whole(inner)


# -- collecting -----------------------------------------------------------------------------------


def test_only_what_no_reader_needs_is_unreferenced(
    built: ExperimentIndex, inner: MemoryStore
) -> None:
    for number in range(3, 12):
        finish(inner, a_run(number))
        built.fold()
    orphan = layout.index_shard(EXPERIMENT, "0" * 32)
    inner.create(orphan, b"died before its manifest")
    before = read_whole(inner)
    collected = [entry.key for entry in built.unreferenced()]
    assert orphan in collected
    assert len(inner.list(MANIFESTS)) == 10
    for key in collected:
        inner.delete(key)
    assert len(inner.list(MANIFESTS)) == 1
    assert read_whole(inner) == before
    assert built.unreferenced() == []
    finish(inner, a_run(20))
    assert built.fold() == 1


def test_other_experiments_are_not_touched(clock: FixedClock) -> None:
    store = fresh_store("index-two")
    for experiment in ("7", "77"):
        ExperimentIndex(store, experiment, clock).rebuild(list)
        store.create(layout.inbox_final(experiment, "r", experiment), encode_summary(a_run(1)))
    ExperimentIndex(store, "7", clock).fold()
    assert len(store.list(layout.index_manifests("77"))) == 1
