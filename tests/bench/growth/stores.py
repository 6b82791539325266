"""Stores of any size, filled in seconds: runs as real runs leave them, put straight into the index's own objects.

One real run is begun, logged and ended; what it left in its experiment's inbox is the pattern of all others, each with
an id, times, params and metrics of its own. The index is written by its own `rebuild`, and an inbox by the encoding of
real writers. A journal is written by the registry itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from population import EXPERIMENT, population

from stageline import Workspace
from stageline.domain.ids import new_run_id, new_writer_id
from stageline.domain.run import RunStatus
from stageline.domain.summary import LastPoint, RunSummary, StatusAt
from stageline.domain.summary_json import decode_summary, encode_summary
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.index import ExperimentIndex
from stageline.storage.memory import MemoryStore
from stageline.storage.probe import ensure_format
from stageline.testing.counting import CountingStore
from stageline.tracking.pulse import PULSE


def bucket(name: str) -> CountingStore:
    """An empty store in memory, counted: it is used as a bucket is, and costs no time of its own."""
    store = MemoryStore(f"memory://{name}-{os.urandom(4).hex()}")
    ensure_format(store)
    return CountingStore(store)


def opened(store: CountingStore, cache: Path) -> Workspace:
    """A process's view of the store, which knows what lies in `cache`; without the background thread."""
    PULSE.add = lambda beat: None  # type: ignore[method-assign]  # what it would send is sent by whoever counts it
    return Workspace(store, Settings(cache=str(cache), user="ann"))


def pattern(workspace: Workspace, experiment_id: str) -> RunSummary:
    """What a real run left in the inbox; it is taken out again."""
    params, metrics = next(population(1))
    with workspace.runs.create(experiment_id=experiment_id) as run:
        run.log_params(params)
        run.log_metrics(metrics)
    (left,) = (
        entry.key
        for entry in workspace.store.list(layout.index_inbox(experiment_id))
        if entry.key.endswith(".json")
    )
    summary = decode_summary(workspace.store.read(left))
    workspace.store.delete(left)
    return summary


def summaries(like: RunSummary, size: int) -> Iterator[RunSummary]:
    """What `size` runs would have left, each a second after the one before."""
    assert like.started is not None
    assert like.status is not None
    stamp, began = like.status.stamp, like.started[0]
    for number, (params, metrics) in enumerate(population(size)):
        at = began + number * 1_000
        yield msgspec.structs.replace(
            like,
            run_id=new_run_id(),
            started=(at, like.started[1]),
            status=StatusAt(stamp, RunStatus.FINISHED, at + 900, None),
            params={key: (stamp, value) for key, value in params.items()},
            metrics={key: LastPoint(1, at, 0, value) for key, value in metrics.items()},
        )


def filled(workspace: Workspace, size: int, name: str = EXPERIMENT) -> tuple[str, RunSummary]:
    """An experiment of `size` runs, folded; its id, and the pattern of more."""
    experiment_id = workspace.experiments.create(name).experiment_id
    like = pattern(workspace, experiment_id)
    index = ExperimentIndex(workspace.store, experiment_id, workspace.clock)
    assert index.rebuild(lambda: summaries(like, size))
    return experiment_id, like


def left_in_inbox(workspace: Workspace, experiment_id: str, like: RunSummary, size: int) -> None:
    """As if `size` more runs had just ended."""
    for summary in summaries(like, size):
        key = layout.inbox_final(experiment_id, summary.run_id, new_writer_id())
        workspace.store.replace(key, encode_summary(summary))


def journaled(workspace: Workspace, entries: int, versions: int) -> None:
    """The model `wine` with so many journal entries: versions, then their transitions in turns."""
    registry = workspace.registry
    for number in range(versions):
        registry.register("wine", source=f"s3://models/wine/{number}")
    registry.set_alias("wine", "champion", 1)
    stages = ("Staging", "Archived", "None")
    for number in range(entries - versions - 1):
        registry.transition(
            "wine", number % versions + 1, stages[number // versions % 3], reason="nightly"
        )
