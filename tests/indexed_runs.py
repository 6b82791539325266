"""Runs to put into an index, what an index says of them, and a plain judge of what a search should find."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cmp_to_key

from hypothesis import strategies as st

from stageline.domain.like import matches
from stageline.domain.query import Comparison, Entity, Operator, OrderBy
from stageline.domain.run import (
    TAG_RUN_NAME,
    DatasetInput,
    DatasetRef,
    Run,
    RunStatus,
    ViewType,
)
from stageline.domain.summary import LastPoint, RunSummary, StatusAt
from stageline.domain.summary_json import encode_summary
from stageline.storage import layout
from stageline.storage.index import ExperimentIndex
from stageline.storage.index_changes import Changes, IndexState, by_run
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore

EXPERIMENT = "7"


def fresh_store(name: str) -> MemoryStore:
    store = MemoryStore(f"memory://{name}")
    store.clear()
    return store


def a_run(
    number: int, *, stamp: int = 1, loss: float = 0.5, run_id: str | None = None
) -> RunSummary:
    return RunSummary(
        run_id=run_id or f"run{number:05d}",
        started=(1_000 + number, stamp),
        experiment=(stamp, EXPERIMENT),
        status=StatusAt(stamp, RunStatus.FINISHED, 2_000 + number, None),
        params={"alpha": (stamp, f"v{number % 5}")},
        tags={TAG_RUN_NAME: (stamp, f"name {number}")},
        metrics={"loss": LastPoint(1, stamp, number, loss)},
    )


def finish(store: ObjectStore, summary: RunSummary, writer: str = "w1") -> str:
    key = layout.inbox_final(EXPERIMENT, summary.run_id, writer)
    store.replace(key, encode_summary(summary))
    return key


def beat(store: ObjectStore, summary: RunSummary, writer: str = "w1") -> str:
    key = layout.inbox_live(EXPERIMENT, summary.run_id, writer)
    store.replace(key, encode_summary(summary))
    return key


def everything(changes: Changes) -> dict[str, RunSummary]:
    rows = [summary for shard in changes.shards for summary, _ in shard.rows()]
    return by_run([*rows, *changes.summaries])


def read_whole(store: ObjectStore) -> dict[str, RunSummary]:
    return everything(ExperimentIndex(store, EXPERIMENT).changes(IndexState()))


# -- the judge ------------------------------------------------------------------------------------


def value_of(run: Run, entity: Entity, key: str) -> str | float | None:
    match entity:
        case Entity.METRIC:
            return run.data.metrics.get(key)
        case Entity.PARAM:
            return run.data.params.get(key)
        case Entity.TAG:
            return run.data.tags.get(key)
        case _:
            value = getattr(run.info, key)
            return str(value) if isinstance(value, RunStatus) else value


def is_found(run: Run, comparison: Comparison) -> bool:
    if comparison.entity is not Entity.DATASET:
        return matches(comparison, value_of(run, comparison.entity, comparison.key))
    found: list[str | None] = [
        given.tags.get("mlflow.data.context")
        if comparison.key == "context"
        else getattr(given.dataset, comparison.key)
        for given in run.inputs.dataset_inputs
    ]
    return any(matches(comparison, value) for value in found)


def judged(
    summaries: Iterable[RunSummary],
    comparisons: Sequence[Comparison],
    order: Sequence[OrderBy],
    view: ViewType,
    store_url: str = "",
) -> list[str]:
    """Ids of the runs that should be found, in order."""
    runs = [
        summary.to_run(f"{store_url}/runs/{summary.run_id}/artifacts")
        for summary in by_run(summaries).values()
    ]
    found = [
        run
        for run in runs
        if view.shows(run.info.lifecycle_stage)
        and all(is_found(run, comparison) for comparison in comparisons)
    ]
    found.sort(key=lambda run: (-run.info.start_time, run.info.run_id))
    for ordering in reversed(order):
        found.sort(key=cmp_to_key(lambda one, other, by=ordering: _compared(one, other, by)))
    return [run.info.run_id for run in found]


def _compared(one: Run, other: Run, ordering: OrderBy) -> int:
    values = [value_of(run, ordering.entity, ordering.key) for run in (one, other)]
    ranks = [
        2 if value is None else 1 if isinstance(value, float) and math.isnan(value) else 0
        for value in values
    ]
    if ranks[0] != ranks[1] or ranks[0]:
        return ranks[0] - ranks[1]
    a, b = values
    less, greater = a < b, a > b  # type: ignore[operator]
    return (int(greater) - int(less)) * (1 if ordering.ascending else -1)


# -- many of them ---------------------------------------------------------------------------------

KEYS = ("a", "b", "it's", 'say "x"', "läs/t", "rare one")
TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "ÄB",
    "äb",
    "10",
    "9",
    "50%",
    "a_b",
    "it's",
    "x\0y",
    "NaN",
    "\U0001f600",
    "z" * 1200,
)
PATTERNS = ("%", "a%", "%b", "_", "a_b", "Ä%", "%a%b%", "x%", "", "%\0%", "x", "%y", "10", "ÄB")
NUMBERS = (0.0, -0.0, 1.0, -1.5, 1e300, math.inf, -math.inf, math.nan)
STAMPS = st.integers(1, 4)

keys = st.sampled_from(KEYS)
texts = st.sampled_from(TEXTS)

datasets = st.builds(
    lambda name, digest, context: DatasetInput(
        DatasetRef(name=name, digest=digest), {"mlflow.data.context": context} if context else {}
    ),
    st.sampled_from(("d1", "d2")),
    st.sampled_from(("x", "y")),
    st.sampled_from(("", "train", "Eval")),
)

summaries = st.builds(
    RunSummary,
    run_id=st.sampled_from([f"r{number}" for number in range(8)]),
    started=st.none() | st.tuples(st.integers(1, 3), STAMPS),
    status=st.none()
    | st.builds(
        StatusAt, STAMPS, st.sampled_from(RunStatus), st.none() | st.integers(1, 3), st.none()
    ),
    deletion=st.none() | st.tuples(STAMPS, st.booleans()),
    params=st.dictionaries(keys, st.tuples(STAMPS, texts)),
    tags=st.dictionaries(
        st.sampled_from((*KEYS, TAG_RUN_NAME)), st.tuples(STAMPS, st.none() | texts)
    ),
    metrics=st.dictionaries(
        keys,
        st.builds(LastPoint, st.just(1), st.integers(0, 2), st.just(5), st.sampled_from(NUMBERS)),
    ),
    inputs=st.lists(st.tuples(STAMPS, datasets), max_size=3).map(
        lambda given: {each.key: (stamp, each) for stamp, each in given}
    ),
)

_EQUAL = st.sampled_from((Operator.EQ, Operator.NE))
_LIKE = st.sampled_from((Operator.LIKE, Operator.ILIKE))
_MAGNITUDE = st.sampled_from(
    (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
)
_IN = st.sampled_from((Operator.IN, Operator.NOT_IN))
_NULL = st.sampled_from((Operator.IS_NULL, Operator.IS_NOT_NULL))
_finite = st.sampled_from([number for number in NUMBERS if not math.isnan(number)])
_user = st.sampled_from((Entity.PARAM, Entity.TAG))
_known_keys = st.sampled_from((*KEYS, "nobody has it"))
_text_attributes = st.sampled_from(("run_id", "run_name", "status", "user_id", "artifact_uri"))
_attribute_texts = st.sampled_from((*TEXTS, "r1", "r2", "FINISHED", "%r1/artifacts", "R_"))
_some = st.lists(_attribute_texts, min_size=1, max_size=3).map(tuple)

comparisons = st.one_of(
    st.builds(Comparison, st.just(Entity.METRIC), _known_keys, _MAGNITUDE, _finite),
    st.builds(Comparison, _user, _known_keys, _EQUAL, texts),
    st.builds(Comparison, _user, _known_keys, _LIKE, st.sampled_from(PATTERNS)),
    st.builds(Comparison, _user, _known_keys, _NULL, st.none()),
    st.builds(
        Comparison, st.just(Entity.ATTRIBUTE), _text_attributes, _EQUAL | _LIKE, _attribute_texts
    ),
    st.builds(Comparison, st.just(Entity.ATTRIBUTE), st.just("run_id"), _IN, _some),
    st.builds(
        Comparison,
        st.just(Entity.ATTRIBUTE),
        st.sampled_from(("start_time", "end_time")),
        _MAGNITUDE,
        st.integers(0, 4) | st.sampled_from((1.5, 2**70, -(2**70), 10**400)),
    ),
    st.builds(
        Comparison,
        st.just(Entity.DATASET),
        st.sampled_from(("name", "digest", "context")),
        _EQUAL | _LIKE,
        st.sampled_from(("d1", "x", "train", "EVAL", "%")),
    ),
    st.builds(
        Comparison,
        st.just(Entity.DATASET),
        st.sampled_from(("name", "context")),
        _IN,
        st.sampled_from((("d1",), ("d2", "train"))),
    ),
)

orderings = st.lists(
    st.one_of(
        st.builds(
            OrderBy,
            st.sampled_from((Entity.METRIC, Entity.PARAM, Entity.TAG)),
            _known_keys,
            st.booleans(),
            st.just(False),
        ),
        st.builds(
            OrderBy,
            st.just(Entity.ATTRIBUTE),
            st.sampled_from(("start_time", "end_time", "run_name", "status", "artifact_uri")),
            st.booleans(),
            st.just(False),
        ),
    ),
    max_size=3,
)
views = st.sampled_from(ViewType)
