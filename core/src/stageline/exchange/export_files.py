"""A store as plain files: JSON, CSV, and the artifacts as they are. Any tool reads them, and so does a person."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.exchange.outgoing import Exported, run_facts, version_facts
from stageline.storage.transfer import hash_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.domain.run import Run
    from stageline.exchange.outgoing import Outgoing


def export_files(
    outgoing: Outgoing, folder: Path, told: Callable[[], None], *, with_artifacts: bool = True
) -> Exported:
    """Write all below `folder`; what is there of an earlier export is brought up to date.

    `experiments.json`, `registry.json`, and for each run `runs/<run_id>/run.json`, `metrics.csv` and `artifacts/`.
    """
    counts: Counter[str] = Counter(experiments=0, runs=0, points=0, files=0, versions=0)
    for experiment in outgoing.experiments:
        counts["experiments"] += 1
        for run in outgoing.runs(experiment):
            home = folder / "runs" / run.info.run_id
            counts["points"] += _write_metrics(outgoing, run, home / "metrics.csv")
            if with_artifacts:
                counts["files"] += _write_artifacts(outgoing, run, home / "artifacts")
            inputs = msgspec.to_builtins(run.inputs.dataset_inputs)
            _write_json(home / "run.json", {**run_facts(run), "inputs": inputs})
            counts["runs"] += 1
            told()
    _write_json(folder / "experiments.json", msgspec.to_builtins(outgoing.experiments))
    versions = outgoing.versions()
    counts["versions"] = len(versions)
    if outgoing.is_whole:
        _write_json(folder / "registry.json", [version_facts(one) for one in versions])
    return Exported(dict(counts), [])


def _write_metrics(outgoing: Outgoing, run: Run, file: Path) -> int:
    count = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["key", "step", "timestamp", "value"])
        for point in outgoing.history(run):
            writer.writerow([point.key, point.step, point.timestamp, repr(point.value)])
            count += 1
    os.replace(part, file)
    return count


def _write_artifacts(outgoing: Outgoing, run: Run, folder: Path) -> int:
    """Fetch what is not there yet, checked against its digest."""
    artifacts = outgoing.workspace.artifacts(run.info.run_id)
    found = list(artifacts.walk())
    for one in found:
        target = folder / one.path
        is_there = target.is_file() and target.stat().st_size == one.file_size
        if not (is_there and one.sha256 is not None and hash_file(target)[0] == one.sha256):
            artifacts.download(one.path, folder)
    return len(found)


def _write_json(file: Path, document: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(_spelt(document)), indent=2) + b"\n")
    os.replace(part, file)


def _spelt(value: Any) -> Any:
    """The same, where what JSON has no number for is a word: NaN, Infinity, -Infinity."""
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _spelt(item) for key, item in value.items()}
    return [_spelt(item) for item in value] if isinstance(value, list) else value
