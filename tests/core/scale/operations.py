"""What single operations ask of a bucket, counted: small stores whose figures `page` carries to large ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stageline import MetricPoint, Workspace
from stageline.domain.ids import new_run_id, new_writer_id
from stageline.domain.summary import RunSummary
from stageline.domain.summary_json import decode_summary, encode_summary
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.index import ExperimentIndex
from stageline.storage.manifest import decode_manifest
from stageline.storage.memory import MemoryStore
from stageline.storage.probe import ensure_format
from stageline.testing.counting import CountingStore, Counts

RUNS = 64
POINTS = 1_000
A_FOLD = 256
FOLDS = 16
VERSIONS = 100


@dataclass(frozen=True)
class Asked:
    """Of a bucket, by one operation."""

    put: float = 0
    get: float = 0
    list: float = 0
    """Pages of a thousand names."""
    delete: float = 0
    written: float = 0
    """Bytes."""
    read: float = 0

    @classmethod
    def of(cls, counts: Counts, share: int = 1) -> Asked:
        """What was counted, for one of `share` alike."""
        asked = (counts.puts, counts.read, counts.pages, counts.delete)
        return cls(*(n / share for n in (*asked, counts.bytes_written, counts.bytes_read)))


@dataclass(frozen=True)
class Operations:
    """All that the page speaks of."""

    run: Asked
    """A run of a thousand points that ends before its first flush."""
    run_bytes: float
    """What stays of it in the store, but for its row in the index."""
    fold: Asked
    """Of one run: read out of the inbox, written into shards, merged as they grow, swept."""
    row_bytes: float
    """Of a run in a full shard."""
    name_bytes: float
    """Of a folded run in the manifest, until it is swept."""
    search: Asked
    """Warm."""
    transition: Asked
    """Warm, of a model of one version."""
    version_bytes: float
    """More for each version, in each entry of the journal."""


def counted(cache: Path) -> Operations:
    """Do each a few times, and count. The pulse must be still: what it would send is sent here."""
    store = CountingStore(MemoryStore(f"memory://scale-{new_writer_id()}"))
    ensure_format(store)
    workspace = Workspace(store, Settings(cache=str(cache), user="ann"))
    workspace.experiments.create("first")
    _run(workspace, 0)
    with store.counted() as running:
        for number in range(RUNS):
            _run(workspace, number)
    kept = sum(entry.size for entry in store.list("runs/")) / (RUNS + 1)
    fold, row_bytes, name_bytes = _folds(workspace)
    transition, version_bytes = _registry(workspace)
    workspace.search_runs(["0"])
    with store.counted() as searching:
        workspace.search_runs(["0"], "metrics.loss < 0.5", order_by=["metrics.loss"])
    return Operations(
        run=Asked.of(running, RUNS),
        run_bytes=kept,
        fold=fold,
        row_bytes=row_bytes,
        name_bytes=name_bytes,
        search=Asked.of(searching),
        transition=transition,
        version_bytes=version_bytes,
    )


def _run(workspace: Workspace, seed: int) -> None:
    """As a task of ten seconds does it: begun, told of by the pulse, and ended before the first flush is due."""
    noise = random.Random(seed)
    with workspace.runs.create(experiment_id="0") as run:
        run.stream.ship_start()
        run.stream.publish_live()
        run.log_params({"alpha": noise.random(), "depth": noise.randrange(10), "seed": seed})
        run.log_points(
            MetricPoint("loss", noise.random(), step, 1_700_000_000_000 + 10 * step)
            for step in range(POINTS)
        )


def _folds(workspace: Workspace) -> tuple[Asked, float, float]:
    store = workspace.store
    assert isinstance(store, CountingStore)
    left = next(
        entry.key for entry in store.list(layout.index_inbox("0")) if entry.key.endswith(".json")
    )
    like = decode_summary(store.read(left))
    index = ExperimentIndex(store, "7", grace_s=0)
    index.rebuild(list)
    noise = random.Random(0)
    folding = Counts()
    for _ in range(FOLDS):
        for _ in range(A_FOLD):
            _leave(store, _another(like, noise))
        with store.counted() as once:
            index.fold()
        for name in ("read", "create", "replace", "delete", "pages", "bytes_read", "bytes_written"):
            setattr(folding, name, getattr(folding, name) + getattr(once, name))
    newest = store.list(layout.index_manifests("7"), limit=1)[0].key
    manifest = decode_manifest(store.read(newest), newest, "index/7/shard/")
    emptied = msgspec.structs.replace(manifest, folded={})
    names = len(manifest.encoded()) - len(emptied.encoded())
    return (
        Asked.of(folding, FOLDS * A_FOLD),
        sum(shard.bytes for shard in manifest.shards) / (FOLDS * A_FOLD),
        names / len(manifest.folded),
    )


def _another(like: RunSummary, noise: random.Random) -> RunSummary:
    return msgspec.structs.replace(
        like,
        run_id=new_run_id(),
        params={key: (stamp, str(noise.random())) for key, (stamp, _) in like.params.items()},
        metrics={key: last._replace(value=noise.random()) for key, last in like.metrics.items()},
    )


def _leave(store: CountingStore, summary: RunSummary) -> None:
    writer = new_writer_id()
    for key in (layout.inbox_live, layout.inbox_final):
        store.replace(key("7", summary.run_id, writer), encode_summary(summary))


def _registry(workspace: Workspace) -> tuple[Asked, float]:
    store, registry = workspace.store, workspace.registry
    assert isinstance(store, CountingStore)
    registry.register("wine", source="s3://models/wine/0")
    with store.counted() as first:
        registry.transition("wine", 1, "Staging")
    for number in range(1, VERSIONS):
        registry.register("wine", source=f"s3://models/wine/{number}")
    with store.counted() as last:
        registry.transition("wine", 1, "Production")
    grown = last.bytes_written - first.bytes_written
    return Asked.of(first), grown / (VERSIONS - 1)
