"""What runs say of logged models: kept in tags of the run, which are no user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.logged_model import LINK, ModelMetric
from stageline.domain.run import MetricPoint, Point
from stageline.errors import InvalidInput
from stageline.server.wire import required

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.server import asks
    from stageline.server.endpoint import Call
    from stageline.tracking.active import ActiveRun


def tag_key(key: str | None) -> str:
    """The key of a tag that a client sets. Raises `InvalidInput` for those that tie runs to logged models."""
    key = required("key", key)
    if key.startswith(LINK):
        raise InvalidInput(
            f"Invalid tag key {key[:100]!r}: what begins with {LINK!r} is kept for logged models"
        )
    return key


def measured_links(
    call: Call, run_id: str, metrics: Sequence[asks.Metric | asks.LogMetric]
) -> dict[str, str]:
    """The tags that say what is measured of logged models. Raises `NotFound`."""
    measured = [
        (
            one.model_id,
            ModelMetric(
                one.key or "",
                one.value or 0.0,
                one.step or 0,
                one.timestamp or 0,
                run_id,
                one.dataset_name or None,
                one.dataset_digest or None,
            ),
        )
        for one in metrics
        if one.model_id
    ]
    return call.workspace.logged_models.measured(run_id, measured) if measured else {}


def unrepeated(active: ActiveRun, points: list[Point]) -> list[Point]:
    """Without the run's last points: clients log them again to say of which model they are."""
    last = active.snapshot().metrics
    return [
        point for point in points if point[0] not in last or last[point[0]] != MetricPoint(*point)
    ]
