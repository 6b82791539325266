"""`report_drift`: a task that measures how far data has moved, and tells Prefect if that is too far."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from prefect.events import emit_event

from prefect_stageline.tasks import tracked_task
from stageline import active_run
from stageline.tasks import PSI_SHIFT, column_drifts

DRIFTED = "stageline.data.drifted"
"""Data has moved farther than it should; see `report_drift`."""


def data_resource(name: str) -> str:
    """The id of a set of data as a resource of Prefect's events."""
    return f"stageline.data.{quote(name, safe='')}"


@tracked_task
def report_drift(
    reference: Any,
    current: Any,
    *,
    name: str,
    threshold: float = PSI_SHIFT,
    model: str | None = None,
) -> dict[str, float]:
    """A task: measure how far data has moved, column by column, and emit `stageline.data.drifted` if it is too far.

    The measure is PSI, for which there is a conventional threshold; the run's metrics hold the KS statistic and its
    p-value too, `drift.<column>.psi | ks | ks_p`. The event's payload has `name`, `column` (the worst), `statistic`
    ("psi"), `value`, `threshold`, `columns` (all above it, with their values), `model`, `run_id`.

    Args:
        reference: A frame, a mapping of names to columns, or one column: what the model was trained on.
        current: The same of today.
        name: Of the data, by which triggers tell it from other data.
        threshold: PSI of the worst column above which the event is emitted.
        model: The registered model that is concerned, for triggers to pass on.

    Returns:
        The metrics.

    Raises:
        InvalidInput: they have no column in common, or one of them has no rows.
    """
    drifts = column_drifts(reference, current)
    worst = drifts[0]
    if worst.drift.psi > threshold:
        run = active_run()
        emit_event(
            DRIFTED,
            resource={
                "prefect.resource.id": data_resource(name),
                "prefect.resource.name": name,
                "stageline.model": model or "",
                "stageline.column": worst.column,
            },
            payload={
                "name": name,
                "column": worst.column,
                "statistic": "psi",
                "value": worst.drift.psi,
                "threshold": threshold,
                "columns": {
                    one.column: one.drift.psi for one in drifts if one.drift.psi > threshold
                },
                "model": model,
                "run_id": run.run_id if run is not None else None,
            },
        )
    return {key: value for one in drifts for key, value in one.metrics().items()}
