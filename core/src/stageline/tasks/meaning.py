"""What an exception that leaves a task means: to its orchestrator, and to the run."""

from __future__ import annotations

import concurrent.futures
from asyncio import CancelledError
from typing import TYPE_CHECKING

from stageline.domain.run import RunStatus
from stageline.tracking.fate import ending_of

if TYPE_CHECKING:
    from stageline.tasks.session import ErrorMeaning, TaskCall
    from stageline.tracking.fate import Ending


def meaning_of(call: TaskCall, error: BaseException) -> ErrorMeaning | None:
    """What the orchestrator of the call says of the exception; None if it says nothing."""
    return None if call.meaning_of is None else call.meaning_of(error)


def ending_of_call(call: TaskCall, error: BaseException, *, ran_s: float) -> Ending:
    """Status and reason for a call that `error` left after so many seconds."""
    is_cancelled = isinstance(error, (CancelledError, concurrent.futures.CancelledError))
    if is_cancelled and _is_out_of_time(call, ran_s):
        return RunStatus.FAILED, f"timed out after {call.timeout_s:g} s"
    if is_cancelled:
        return RunStatus.KILLED, f"cancelled: {error}".rstrip(": ")
    status, reason = ending_of(error)
    # Where the exception has come through a task, that task knew its secrets; so also from another process.
    reason = getattr(error, "_stageline_reason", reason)
    is_failure = isinstance(error, (Exception, SystemExit)) or meaning_of(call, error) is not None
    if status is RunStatus.FAILED and not is_failure:
        status = RunStatus.KILLED  # whatever is no Exception came from outside the task
    return status, reason


def _is_out_of_time(call: TaskCall, ran_s: float) -> bool:
    # An orchestrator that cancels what has run out of time began to count a little before we did.
    timeout_s = call.timeout_s
    return timeout_s is not None and ran_s >= timeout_s - min(1.0, timeout_s / 2)
