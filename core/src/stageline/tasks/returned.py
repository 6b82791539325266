"""What a task returned, on its way into the task's run: metrics and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.tasks.outcome import bytes_in, metrics_of, paths_of
from stageline.tracking.writer import COLUMNS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stageline.domain.events import PointLogged
    from stageline.tasks.options import Tracking
    from stageline.tasks.session import TaskCall, TaskWorkspace
    from stageline.tracking.active import ActiveRun

LARGE = 64 << 20
"""Bytes; whoever waits for more to be stored is shown how far it is."""


def points_to_end_with(run: ActiveRun, tracking: Tracking, result: Any) -> list[PointLogged] | None:
    """The points that can be logged by the same write as the end; None if there is more to do than that."""
    if tracking.metrics is None:
        return None
    try:
        if tracking.artifacts is not None and paths_of(result):
            return None
        metrics = metrics_of(result)
        return run.last_points(metrics) if len(metrics) < COLUMNS_FROM else None
    except Exception:  # of what was returned: `record_returned` meets it again, and tells of it
        return None


def record_returned(
    run: ActiveRun,
    workspace: TaskWorkspace,
    call: TaskCall,
    result: Any,
    spare: Callable[[str, Exception], None],
    warn: Callable[[str], None],
) -> None:
    """Record the metrics and artifacts in what was returned, as the tracking of the call asks for.

    Args:
        run: The task's run, open.
        workspace: Where it is recorded.
        call: The call that returned.
        result: What it returned.
        spare: Told what could not be done, and for which error; may raise it.
        warn: Told what is not stored, and why.
    """
    if call.tracking.metrics == "return":
        try:
            run.log_metrics(metrics_of(result))
        except Exception as error:
            spare("record the metrics that it returned", error)
    if call.tracking.artifacts == "return":
        try:
            for path in paths_of(result):
                _store_file(run, workspace, call, path, warn)
        except Exception as error:
            spare("store the files that it returned", error)


def _store_file(
    run: ActiveRun,
    workspace: TaskWorkspace,
    call: TaskCall,
    path: Path,
    warn: Callable[[str], None],
) -> None:
    most = call.tracking.max_artifact_bytes
    on_upload = call.on_upload
    size = bytes_in(path) if most is not None or on_upload is not None else 0
    if most is not None and size > most:
        warn(f"{path.name} has {size} bytes and is not stored: Tracking(max_artifact_bytes={most})")
        return
    files = workspace.artifacts(run.run_id)
    if on_upload is None or size < LARGE:
        files.log_file(path)
        return
    with on_upload(path.name, size) as progress:
        files.log_file(path, progress=progress)
