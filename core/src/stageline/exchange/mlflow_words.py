"""What MLflow's folder, database and protocol have in common: numbers for statuses, and what stands for infinity."""

from __future__ import annotations

import sys

from stageline.domain.logged_model import LoggedModelStatus
from stageline.domain.run import RunStatus

DELETED_VERSION = "Deleted_Internal"
"""The stage of a version that was deleted."""

_RUN_STATUSES = {
    1: RunStatus.RUNNING,
    2: RunStatus.SCHEDULED,
    3: RunStatus.FINISHED,
    4: RunStatus.FAILED,
    5: RunStatus.KILLED,
}
_MODEL_STATUSES = {
    1: LoggedModelStatus.PENDING,
    2: LoggedModelStatus.READY,
    3: LoggedModelStatus.FAILED,
    "LOGGED_MODEL_PENDING": LoggedModelStatus.PENDING,
    "LOGGED_MODEL_READY": LoggedModelStatus.READY,
    "LOGGED_MODEL_UPLOAD_FAILED": LoggedModelStatus.FAILED,
}


def run_status(said: int | str) -> RunStatus:
    """A run's status from its number or name."""
    return RunStatus(said) if isinstance(said, str) else _RUN_STATUSES[said]


def model_status(said: int | str | None) -> LoggedModelStatus:
    """A logged model's status from its number or name; ready if nothing is said."""
    return _MODEL_STATUSES.get(said or 2, LoggedModelStatus.READY)


def from_database(value: float, is_nan: bool) -> float:
    """A metric's value: MLflow's database has no NaN and no infinity, and the largest numbers stand for the latter."""
    if is_nan:
        return float("nan")
    if abs(value) >= sys.float_info.max:
        return float("inf") if value > 0 else float("-inf")
    return value
