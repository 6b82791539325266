"""A store as Parquet tables, for whatever reads columns: runs, every point of every metric, and versions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.exchange.outgoing import Exported, run_facts, version_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stageline.domain.run import Run
    from stageline.exchange.outgoing import Outgoing

POINTS_IN_GROUP = 500_000
RUNS_IN_GROUP = 5_000


def export_parquet(outgoing: Outgoing, folder: Path, told: Callable[[], None]) -> Exported:
    """Write `experiments`, `runs`, `metrics` and `versions.parquet`; what was there is replaced when all is written.

    Memory is bounded by one group of rows and one metric's history.

    Raises:
        InvalidInput: PyArrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise InvalidInput("Parquet needs PyArrow: `pip install stageline[batch]`") from error
    folder.mkdir(parents=True, exist_ok=True)
    texts = pa.map_(pa.string(), pa.string())
    moment = pa.timestamp("ms", tz="UTC")
    schemas = {
        "experiments": pa.schema(
            [
                ("experiment_id", pa.string()), ("name", pa.string()), ("creation_time", moment),
                ("last_update_time", moment), ("tags", texts),
            ]
        ),
        "runs": pa.schema(
            [
                ("run_id", pa.string()), ("experiment_id", pa.string()), ("run_name", pa.string()),
                ("user_id", pa.string()), ("status", pa.string()), ("start_time", moment), ("end_time", moment),
                ("reason", pa.string()), ("parent_run_id", pa.string()), ("params", texts), ("tags", texts),
                ("metrics", pa.map_(pa.string(), pa.float64())),
            ]
        ),
        "metrics": pa.schema(
            [
                ("run_id", pa.dictionary(pa.int32(), pa.string())), ("key", pa.dictionary(pa.int32(), pa.string())),
                ("step", pa.int64()), ("timestamp", moment), ("value", pa.float64()),
            ]
        ),
        "versions": pa.schema(
            [
                ("name", pa.string()), ("version", pa.int64()), ("stage", pa.string()), ("run_id", pa.string()),
                ("artifact_path", pa.string()), ("source", pa.string()), ("description", pa.string()),
                ("user_id", pa.string()), ("creation_time", moment), ("last_update_time", moment),
                ("aliases", pa.list_(pa.string())), ("tags", texts),
            ]
        ),
    }  # fmt: skip
    counts: Counter[str] = Counter()
    known: list[Run] = []

    def runs() -> Iterator[dict[str, Any]]:
        for experiment in outgoing.experiments:
            for run in outgoing.runs(experiment):
                known.append(run)
                yield run_facts(run)

    def points() -> Iterator[dict[str, Any]]:
        for run in known:
            for point in outgoing.history(run):
                yield {"run_id": run.info.run_id, **point._asdict()}
            told()

    rows: dict[str, tuple[Iterator[dict[str, Any]], int]] = {
        "experiments": (map(_experiment, outgoing.experiments), RUNS_IN_GROUP),
        "runs": (runs(), RUNS_IN_GROUP),
        "metrics": (points(), POINTS_IN_GROUP),
        "versions": (map(version_facts, outgoing.versions()), RUNS_IN_GROUP),
    }
    for name, (found, size) in rows.items():
        part = folder / f"{name}.parquet.part"
        with pq.ParquetWriter(part, schemas[name], compression="zstd") as writer:
            for group in _groups(found, size):
                counts[name] += len(group)
                writer.write_table(pa.Table.from_pylist(group, schemas[name]))
    for name in rows:
        (folder / f"{name}.parquet.part").replace(folder / f"{name}.parquet")
    return Exported({name: counts[name] for name in rows}, [])


def _experiment(experiment: Any) -> dict[str, Any]:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "tags": experiment.tags,
    }


def _groups(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
