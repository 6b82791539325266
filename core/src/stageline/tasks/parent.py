"""The run of a pipeline run, where one process sees its beginning and its end: opened once, ended once.

Where no process does, see `stageline.tasks.shared_parent`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stageline.domain.run import RunStatus
from stageline.tasks.recording import Recording
from stageline.tasks.unfinished import end_unfinished

if TYPE_CHECKING:
    from stageline.tasks.session import TaskCall

_open: dict[str, Recording] = {}
_lock = threading.Lock()


def open_parent(call: TaskCall, params: Mapping[str, Any]) -> Recording:
    """Begin the run of the pipeline run `call.identity`; if this process has done so already, the open recording."""
    run_id = call.identity.run_id
    with _lock:  # tasks of one pipeline run start at the same time
        recording = _open.get(run_id)
        if recording is None or recording.call.identity.attempt < call.identity.attempt:
            if recording is not None:
                recording.end(RunStatus.FAILED, "another attempt followed")
            recording = _open[run_id] = Recording(call, params)
            recording.begin()
        return recording


def find_parent(run_id: str) -> Recording | None:
    """The recording of the pipeline run that this process has begun and not ended."""
    return _open.get(run_id)


def fail_parent(run_id: str, error: BaseException) -> None:
    """The pipeline's own code was left by `error`: end its run, or its attempt if another is to follow."""
    recording = _taken(run_id)
    if recording is not None:
        recording.fail(error)


def end_parent(run_id: str, status: RunStatus, reason: str | None = None) -> None:
    """End the run of a pipeline run for good; nothing happens if this process has not begun it, or has ended it."""
    recording = _taken(run_id)
    if recording is not None:
        recording.end(status, reason, is_final=True)
    elif status is RunStatus.FAILED:
        end_unfinished(run_id)


def _taken(run_id: str) -> Recording | None:
    with _lock:
        return _open.pop(run_id, None)
