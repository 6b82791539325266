"""The JSON forms of what commands answer. Field names are those of the Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.experiment import Experiment
    from stageline.domain.run import ArtifactFile, MetricPoint, Run


def run_document(run: Run) -> dict[str, Any]:
    """A run: its info, and its last metrics, params and tags beside it."""
    return {
        **msgspec.to_builtins(run.info),
        "parent_run_id": run.parent_run_id,
        "metrics": run.data.metrics,
        "params": run.data.params,
        "tags": run.data.tags,
    }


def experiment_document(experiment: Experiment) -> dict[str, Any]:
    """An experiment."""
    document: dict[str, Any] = msgspec.to_builtins(experiment)
    return document


def file_document(file: ArtifactFile) -> dict[str, Any]:
    """A file or folder of a run's artifacts."""
    return dict(file._asdict())


def series_document(points: Sequence[MetricPoint]) -> dict[str, Any]:
    """A metric's series, summed up."""
    numbers = [point.value for point in points if point.value == point.value]
    last = points[-1]
    return {
        "last": last.value,
        "step": last.step,
        "timestamp": last.timestamp,
        "points": len(points),
        "min": min(numbers, default=None),
        "max": max(numbers, default=None),
    }


def plain(value: Any) -> Any:
    """`value` with `NaN`, `Infinity` and `-Infinity` as text, as in stored documents: JSON has no such numbers."""
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
