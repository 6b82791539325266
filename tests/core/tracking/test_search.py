"""Search finds the same runs whatever became of the index and of its local copy, and asks the store for little."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indexed_runs import a_run, comparisons, fresh_store, judged, orderings, summaries, views

from stageline.domain.run import ViewType
from stageline.domain.summary import RunSummary
from stageline.domain.summary_json import encode_summary
from stageline.errors import InvalidInput, StorageFailed, Unauthorized
from stageline.storage import layout
from stageline.storage.index import GRACE_S
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import FaultyStore, Plan
from stageline.tracking import search as search_module
from stageline.tracking.search import RunSearch

ONE, TWO = "1", "2"


class Runs:
    """What is recorded in the runs themselves; tells how often it was asked."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.recorded: dict[str, list[RunSummary]] = {}
        self.readings: list[str] = []
        self.writers = 0

    def finish(self, summary: RunSummary, experiment_id: str = ONE) -> None:
        self.writers += 1
        self.recorded.setdefault(experiment_id, []).append(summary)
        key = layout.inbox_final(experiment_id, summary.run_id, f"w{self.writers}")
        self.store.create(key, encode_summary(summary))

    def __call__(self, experiment_id: str) -> list[RunSummary]:
        self.readings.append(experiment_id)
        return list(self.recorded.get(experiment_id, ()))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def inner(clock: FixedClock) -> MemoryStore:
    store = MemoryStore("memory://search", clock)
    store.clear()
    return store


@pytest.fixture
def store(inner: MemoryStore) -> CountingStore:
    return CountingStore(inner)


@pytest.fixture
def runs(inner: MemoryStore) -> Runs:
    return Runs(inner)


@pytest.fixture
def open_search(
    store: CountingStore, runs: Runs, clock: FixedClock, tmp_path: Path
) -> Iterator[Callable[..., RunSearch]]:
    opened: list[RunSearch] = []

    def open_search(cache: str = "cache", **options: object) -> RunSearch:
        given = options.pop("store", store)
        search = RunSearch(given, tmp_path / cache, clock, runs, **options)  # type: ignore[arg-type]
        opened.append(search)
        return search

    yield open_search
    for search in opened:
        search.close()


def ids(found: list[RunSummary]) -> list[str]:
    return [summary.run_id for summary in found]


# -- requests -------------------------------------------------------------------------------------


def test_a_warm_search_costs_two_listings(
    open_search: Callable[..., RunSearch], store: CountingStore, runs: Runs
) -> None:
    for number in range(5):
        runs.finish(a_run(number))
    search = open_search()
    search.search([ONE])
    with store.counted() as counts:
        assert len(search.search([ONE], "metrics.loss > 0.1", order_by=["params.alpha"])) == 5
        assert counts.by_verb() == {"list": 2}
        assert search.count([ONE]) == 5
    assert counts.by_verb() == {"list": 4}
    assert runs.readings == [ONE]


def test_a_cold_machine_reads_each_part_of_the_index_once(
    open_search: Callable[..., RunSearch], store: CountingStore, runs: Runs
) -> None:
    for number in range(5):
        runs.finish(a_run(number))
    first = open_search()
    first.search([ONE])
    first.index(ONE).fold()
    for number in range(5, 8):
        runs.finish(a_run(number))
    with store.counted() as counts:
        assert len(open_search("elsewhere").search([ONE])) == 8
    # The rebuilt shard and the folded entries were merged into one.
    assert counts.by_verb() == {"list": 2, "read": 1 + 1 + 3}
    assert runs.readings == [ONE]


def test_within_its_staleness_a_search_asks_nothing(
    open_search: Callable[..., RunSearch], store: CountingStore, runs: Runs, clock: FixedClock
) -> None:
    search = open_search(max_staleness_s=10)
    search.search([ONE])
    runs.finish(a_run(1))
    with store.counted() as counts:
        assert search.search([ONE]) == []
    assert counts.total == 0
    clock.sleep(10)
    assert ids(search.search([ONE])) == ["run00001"]


def test_a_full_inbox_is_folded_and_then_swept(
    open_search: Callable[..., RunSearch], inner: MemoryStore, runs: Runs, clock: FixedClock
) -> None:
    search = open_search(fold_above=4, chance=lambda: 0.99)
    search.search([ONE])
    for number in range(8):
        assert len(search.search([ONE])) == number
        runs.finish(a_run(number))
    inbox = layout.index_inbox(ONE)
    manifests = layout.index_manifests(ONE)
    assert len(inner.list(manifests)) == 1
    assert len(search.search([ONE])) == 8
    assert len(inner.list(manifests)) == 2
    clock.sleep(GRACE_S)
    for number in range(8, 16):
        runs.finish(a_run(number))
    assert len(search.search([ONE])) == 16
    assert len(inner.list(inbox)) == 8
    assert len(search.search([ONE])) == 16
    assert len(open_search("elsewhere").search([ONE])) == 16


def test_few_entries_are_not_folded(
    open_search: Callable[..., RunSearch], inner: MemoryStore, runs: Runs
) -> None:
    search = open_search(fold_above=4, chance=lambda: 0.0)
    search.search([ONE])
    for number in range(4):
        runs.finish(a_run(number))
    search.search([ONE])
    assert len(inner.list(layout.index_manifests(ONE))) == 1


# -- answers --------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    given_runs=st.lists(summaries, max_size=12),
    asked=st.lists(comparisons, max_size=2),
    order=orderings,
    view=views,
    page=st.integers(1, 5),
)
def test_pages_over_many_experiments_are_one_sorted_result(
    given_runs: list, asked: list, order: list, view: ViewType, page: int
) -> None:
    # A run is in one experiment.
    store = fresh_store("many-experiments")
    runs = Runs(store)
    for summary in given_runs:
        runs.finish(summary, str(int(summary.run_id[1:]) % 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "parse_filter", lambda *_: tuple(asked))
        patch.setattr(search_module, "parse_order_by", lambda *_: tuple(order))
        search = RunSearch(store, Path("/dev/null/none"), FixedClock(), runs)
        found: list[str] = []
        token: str | None = None
        for _ in range(20):
            got = search.search(["0", "1", "2", "1"], "", view, page, (), token)
            assert len(got) <= page
            found += ids(got)
            token = got.token
            if token is None:
                break
        count = search.count(["0", "1", "2"], "", view)
        search.close()
    assert found == judged(given_runs, asked, order, view, store.url)
    assert count == len(found)


def test_a_late_page_may_come_from_one_of_several_experiments(
    open_search: Callable[..., RunSearch], runs: Runs
) -> None:
    runs.finish(a_run(0), TWO)
    for number in range(1, 12):
        runs.finish(a_run(number), ONE)
    search = open_search()
    found: list[str] = []
    token: str | None = None
    for _ in range(6):
        page = search.search([ONE, TWO], max_results=2, page_token=token)
        found += ids(page)
        token = page.token
    assert token is None
    assert found == [f"run{number:05d}" for number in range(11, -1, -1)]


STEPS = (
    "search",
    "finish",
    "finish",
    "fold",
    "wait",
    "delete index",
    "delete manifests",
    "delete shards",
    "spoil shards",
    "delete copy",
    "spoil copy",
    "new process",
)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.sampled_from(STEPS), max_size=14),
    given_runs=st.lists(summaries, min_size=14, max_size=14),
)
def test_deleting_the_index_or_its_copy_or_both_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list, given_runs: list
) -> None:
    folder = tmp_path_factory.mktemp("copies")
    clock = FixedClock()
    store = MemoryStore("memory://deleting", clock)
    store.clear()
    runs = Runs(store)
    search = RunSearch(store, folder, clock, runs)
    written: list[RunSummary] = []
    for step, summary in zip(steps, given_runs, strict=False):
        if step == "finish":
            runs.finish(summary)
            written.append(summary)
            continue
        happens(step, store, folder, search, clock)
        found = ids(search.search([ONE], "", ViewType.ALL))
        assert found == judged(written, (), (), ViewType.ALL)
    search.close()
    assert ids(search.search([ONE], "", ViewType.ALL)) == judged(written, (), (), ViewType.ALL)
    search.close()
    shutil.rmtree(folder)


def happens(
    step: str, store: MemoryStore, folder: Path, search: RunSearch, clock: FixedClock
) -> None:
    prefixes = {
        "delete index": f"index/{ONE}/",
        "delete manifests": layout.index_manifests(ONE),
        "delete shards": f"index/{ONE}/shard/",
        "spoil shards": f"index/{ONE}/shard/",
    }
    if step in prefixes:
        for entry in store.list(prefixes[step]):
            if step.startswith("spoil"):
                store.replace(entry.key, b"stageline.shard/1\nspoilt")
            else:
                store.delete(entry.key)
        if step.endswith("shards"):
            # Who has read the shards does not look at them again.
            search.close()
            shutil.rmtree(folder)
    elif step == "fold":
        search.refresh(ONE)
        search.index(ONE).fold()
    elif step == "wait":
        clock.sleep(GRACE_S)
    elif step == "delete copy":
        search.close()
        shutil.rmtree(folder, ignore_errors=True)
    elif step == "spoil copy":
        search.close()
        for path in folder.glob("*.sqlite"):
            path.write_bytes(b"spoilt" * 1000)
    elif step == "new process":
        search.close()


def test_a_run_that_grows_is_found_as_it_is_now(
    open_search: Callable[..., RunSearch], inner: MemoryStore
) -> None:
    search = open_search()
    for stamp in range(1, 5):
        key = layout.inbox_live(ONE, "run00001", "w")
        inner.replace(key, encode_summary(a_run(1, stamp=stamp, loss=stamp)))
        assert [s.metrics["loss"].value for s in search.search([ONE])] == [stamp]
        assert len(search.search([ONE], f"metrics.loss = {stamp}")) == 1


def test_the_artifact_uri_can_be_searched(
    open_search: Callable[..., RunSearch], runs: Runs, inner: MemoryStore
) -> None:
    runs.finish(a_run(1))
    runs.finish(a_run(2))
    uri = f"{inner.url}/{layout.run_artifacts('run00002').rstrip('/')}"
    assert ids(open_search().search([ONE], f"artifact_uri = '{uri}'")) == ["run00002"]


def test_the_view_decides_about_deleted_runs(
    open_search: Callable[..., RunSearch], runs: Runs
) -> None:
    runs.finish(a_run(1))
    runs.finish(RunSummary(run_id="gone", deletion=(1, True)))
    search = open_search()
    assert ids(search.search([ONE])) == ["run00001"]
    assert ids(search.search([ONE], "", ViewType.DELETED_ONLY)) == ["gone"]
    assert search.count([ONE], "", ViewType.ALL) == 2


def test_no_experiments_are_no_runs(open_search: Callable[..., RunSearch]) -> None:
    page = open_search().search([])
    assert (list(page), page.token) == ([], None)


def test_ids_that_differ_in_case_have_files_of_their_own(
    open_search: Callable[..., RunSearch], runs: Runs, tmp_path: Path
) -> None:
    runs.finish(a_run(1), "exp")
    runs.finish(a_run(2), "EXP")
    search = open_search()
    assert ids(search.search(["exp"])) == ["run00001"]
    assert ids(search.search(["EXP"])) == ["run00002"]
    names = {path.name.lower() for path in (tmp_path / "cache").glob("*.sqlite")}
    assert len(names) == 2


def test_more_experiments_than_files_that_may_be_open(
    open_search: Callable[..., RunSearch], runs: Runs
) -> None:
    everywhere = [str(number) for number in range(80)]
    for number, experiment_id in enumerate(everywhere):
        runs.finish(a_run(number), experiment_id)
    found = open_search().search(everywhere, max_results=10)
    assert ids(found) == [f"run{n:05d}" for n in range(79, 69, -1)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"filter_string": "metrics.loss >"},
        {"filter_string": "params.a = '\ud800'"},
        {"order_by": ["loss"]},
        {"order_by": ['params."\ud800"']},
        {"max_results": 0},
        {"max_results": 50_001},
        {"page_token": "?"},
    ],
)
def test_what_can_not_be_asked_is_refused_before_the_store_is(
    open_search: Callable[..., RunSearch], store: CountingStore, arguments: dict
) -> None:
    with store.counted() as counts, pytest.raises(InvalidInput):
        open_search().search([ONE], **arguments)
    assert counts.total == 0


# -- trouble --------------------------------------------------------------------------------------


class ReadOnly:
    """A store for whoever may look and not touch."""

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner
        self.url = inner.url
        self.read = inner.read
        self.list = inner.list

    def create(self, key: str, data: bytes) -> bool:
        raise Unauthorized(f"{key}: 403")

    def delete(self, key: str) -> None:
        raise Unauthorized(f"{key}: 403")


def test_who_may_not_write_searches_all_the_same(
    open_search: Callable[..., RunSearch], inner: MemoryStore, runs: Runs
) -> None:
    runs.finish(a_run(1))
    search = open_search(store=ReadOnly(inner), fold_above=1, chance=lambda: 0.0)
    for number in range(2, 5):
        runs.finish(a_run(number))
        assert len(search.search([ONE])) == number
    assert inner.list(layout.index_manifests(ONE)) == []
    open_search("elsewhere").search([ONE])
    runs.finish(a_run(9))
    assert len(search.search([ONE])) == 5
    assert len(search.search([ONE])) == 5


def test_a_fold_that_fails_does_not_fail_the_search_and_is_not_tried_at_once(
    open_search: Callable[..., RunSearch], inner: MemoryStore, runs: Runs
) -> None:
    runs.finish(a_run(0))
    open_search("elsewhere").search([ONE])
    for number in range(1, 9):
        runs.finish(a_run(number))
    counted = CountingStore(ReadOnly(inner))  # type: ignore[arg-type]
    search = open_search(store=counted, fold_above=2)
    assert len(search.search([ONE])) == 9
    with counted.counted() as counts:
        assert len(search.search([ONE])) == 9
    assert counts.by_verb() == {"list": 2}


def test_a_store_that_is_away_is_told(
    open_search: Callable[..., RunSearch], inner: MemoryStore
) -> None:
    away = FaultyStore(inner, plan=Plan(unauthorized=[range(1, 1000)]))
    with pytest.raises(StorageFailed):
        open_search(store=away).search([ONE])


def test_runs_that_can_not_be_read_are_told(
    store: CountingStore, clock: FixedClock, tmp_path: Path
) -> None:
    def away(experiment_id: str) -> list[RunSummary]:
        raise StorageFailed("no answer")

    search = RunSearch(store, tmp_path, clock, away)
    with pytest.raises(StorageFailed, match="no answer"):
        search.search([ONE])
    search.close()


def test_an_index_that_stays_damaged_says_what_to_delete(
    open_search: Callable[..., RunSearch], inner: MemoryStore, runs: Runs
) -> None:
    class Spoiling(CountingStore):
        def read(self, key: str) -> bytes:
            return b"?" if "/manifest/" in key else super().read(key)

    with pytest.raises(StorageFailed, match=f"index/{ONE}/"):
        open_search(store=Spoiling(inner)).search([ONE])


def test_many_threads_search_at_once(open_search: Callable[..., RunSearch], runs: Runs) -> None:
    search = open_search(fold_above=4)
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(6):
                runs.finish(a_run(thread * 10 + number), str(number % 2))
                search.search(["0", "1"], "metrics.loss > 0")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(search.search(["0", "1"])) == 48
