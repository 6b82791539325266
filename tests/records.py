"""Builders of what a run's log may hold, plain and at random: shared by the tests of whatever reads such a log."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from stageline.domain import events as ev
from stageline.domain.run import Attempt, DatasetInput, DatasetRef, MetricPoint, RunStatus
from stageline.storage.wal import WalHead

INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 1e-300]) | st.floats()
# Few and small, so that stamps, steps and times meet.
FEW = st.integers(0, 3)
KEYS = st.sampled_from(["a", "b/c", "é ö"])
TEXTS = st.sampled_from(["", "null", "NaN", "true", "1", '"', "\n"]) | st.text(max_size=5)
STATUSES = st.sampled_from(RunStatus)
TIMES = st.none() | FEW

DATASETS = st.builds(
    DatasetInput,
    st.builds(DatasetRef, name=KEYS, digest=KEYS, schema=st.none() | TEXTS),
    st.dictionaries(KEYS, TEXTS, max_size=2),
)
ATTEMPTS = st.builds(
    Attempt,
    number=st.integers(1, 3),
    status=STATUSES,
    start_time=FEW,
    end_time=TIMES,
    reason=st.none() | TEXTS,
    links=st.dictionaries(KEYS, TEXTS, max_size=2),
)
POINTS = st.builds(ev.PointLogged, KEYS, NUMBERS, FEW, FEW)
STARTS = st.builds(
    ev.Started,
    FEW,
    st.just("r"),
    st.none() | KEYS,
    st.none() | TEXTS,
    FEW,
    st.dictionaries(KEYS, TEXTS, max_size=2),
)
EVENTS: st.SearchStrategy[ev.AnyEvent] = st.one_of(
    POINTS,
    STARTS,
    st.builds(
        ev.PointsLogged,
        st.binary(max_size=5),
        st.dictionaries(KEYS, st.tuples(FEW, FEW, NUMBERS), max_size=2),
    ),
    st.builds(ev.ParamsLogged, FEW, st.dictionaries(KEYS, TEXTS, max_size=2)),
    st.builds(ev.TagsSet, FEW, st.dictionaries(KEYS, st.none() | TEXTS, max_size=2)),
    st.builds(ev.InputsLogged, FEW, st.lists(DATASETS, max_size=2)),
    st.builds(ev.AttemptNoted, FEW, ATTEMPTS),
    st.builds(ev.StatusSet, FEW, STATUSES, TIMES, st.none() | TEXTS),
    st.builds(ev.DeletionSet, FEW, st.booleans()),
    st.builds(
        ev.ArtifactsStored,
        FEW,
        st.dictionaries(KEYS, st.none() | st.tuples(TEXTS, FEW), max_size=2),
    ),
    st.builds(ev.OutputWritten, FEW, st.sampled_from(["stdout", "stderr"]), TEXTS),
    st.just(ev.Unknown()),
)


def started(stamp: int = 1, start_time: int = 1000, **fields: object) -> ev.Started:
    """A run's beginning, as one writer saw it."""
    given = {"experiment_id": "0", "experiment_name": "Default", "tags": {}, **fields}
    return ev.Started(stamp=stamp, run_id="r", start_time=start_time, **given)  # type: ignore[arg-type]


def wal_head(**fields: object) -> WalHead:
    """The head of a log that nobody in particular writes."""
    given = {"store": "memory://x", "run_id": "r", "writer": "w", "pid": 1, "host": "h", **fields}
    return WalHead(**given)  # type: ignore[arg-type]


def realistic_points(count: int) -> list[MetricPoint]:
    """A loss that falls with noise, logged about every 50 ms: what a training loop writes."""
    return [
        MetricPoint(
            "train/loss",
            2.3 * math.exp(-step / 3000)
            + 0.05 * math.sin(step * 12.9898) * math.cos(step * 78.233),
            step,
            1_700_000_000_000 + step * 50 + (step * 7919) % 13,
        )
        for step in range(count)
    ]
