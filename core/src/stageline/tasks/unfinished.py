"""Runs whose last attempt failed in this process, while another was to follow: kept until it does, or is called off."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from stageline.domain.run import RunStatus

if TYPE_CHECKING:
    from stageline.tasks.session import TaskCall

_log = logging.getLogger("stageline")


class Attempted(Protocol):
    """An attempt that was recorded: what its end, or the attempt that follows it, needs to know of it."""

    call: TaskCall
    texts: dict[str, str]
    """The params as they are recorded."""

    def run_name(self) -> str:
        """What its run is called."""


_unfinished: dict[str, tuple[Attempted, str | None]] = {}
"""By run id: what failed, and the reason."""


def keep(attempt: Attempted, reason: str | None) -> None:
    """The attempt has failed, and another is to follow."""
    _unfinished[attempt.call.identity.run_id] = attempt, reason


def taken(run_id: str) -> Attempted | None:
    """The attempt before, which another follows now; None if it was not in this process."""
    last, _ = _unfinished.pop(run_id, (None, None))
    return last


def is_unfinished(run_id: str) -> bool:
    """Whether the last attempt of the run failed in this process, and another was to follow."""
    return run_id in _unfinished


def end_unfinished(run_id: str) -> None:
    """End the run as its last attempt did: the orchestrator has decided against another one."""
    last, reason = _unfinished.pop(run_id, (None, None))
    if last is None:
        return
    call = last.call
    try:
        session = call.open_session()
        run = session.workspace.runs.join(
            run_id,
            experiment_name=call.tracking.experiment or session.experiment,
            run_name=last.run_name(),
            parent_run_id=call.identity.parent_run_id,
            attempt=call.identity.attempt,
        )
        run.end(RunStatus.FAILED, reason)
        if call.on_end is not None:
            call.on_end(call, session.workspace)
    except Exception as error:  # as in a recording; there is no task left to raise it in
        _log.warning("tracking of %s: can not end the run: %s", call.identity.display_name, error)
