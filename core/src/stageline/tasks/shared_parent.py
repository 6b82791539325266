"""The run of a pipeline run that no process sees whole: whichever task is first begins it, whoever hears of the end
ends it.

Where one process runs the pipeline, see `stageline.tasks.parent`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from stageline.domain.redaction import Redactor
from stageline.domain.run import Attempt, RunStatus
from stageline.errors import Conflict, NotFound
from stageline.tasks.params import param_texts

if TYPE_CHECKING:
    from stageline.tasks.session import Session, SharedParent, TaskCall
    from stageline.tracking.active import ActiveRun

_log = logging.getLogger("stageline")


def join_shared_parent(parent: SharedParent) -> ActiveRun:
    """Open the run of a pipeline run, to which this process does not belong; whoever is done with it leaves it."""
    call = parent.call
    session, identity, tracking = call.open_session(), call.identity, call.tracking
    redactor = Redactor(tracking.redact, call.secret_texts)
    redactor.learn(parent.params)
    run = _joined(call, session, redactor)
    try:
        run.log_params(param_texts(parent.params, tracking, redactor))
    except Conflict as error:
        _log.warning("tracking of %s: %s", identity.display_name, error)
    return run


def end_shared_parent(
    call: TaskCall, status: RunStatus, reason: str | None = None, *, ended_ms: int | None = None
) -> bool:
    """End the run of a pipeline run for good; False if no task has recorded anything under it.

    Raises:
        StorageFailed: the store is away.
    """
    runs = call.open_session().workspace.runs
    identity = call.identity
    try:
        stored = runs.get(identity.run_id)
    except NotFound:
        return False
    reason = None if reason is None else Redactor(call.tracking.redact).text(reason)
    run = runs.resume(identity.run_id, attempt=identity.attempt)
    end_ms = ended_ms or time.time_ns() // 1_000_000
    run.note_attempt(
        Attempt(
            number=identity.attempt,
            status=status,
            start_time=call.began_ms or stored.info.start_time,
            end_time=end_ms,
            reason=reason,
            links=dict(identity.links),
        )
    )
    run.end(status, reason)
    return True


def _joined(call: TaskCall, session: Session, redactor: Redactor) -> ActiveRun:
    identity, tracking = call.identity, call.tracking
    return session.workspace.runs.join(
        identity.run_id,
        experiment_name=tracking.experiment or session.experiment,
        run_name=redactor.text(identity.display_name) or None,
        tags=redactor.tags({**identity.tags(), **call.tags}),
        parent_run_id=identity.parent_run_id,
        attempt=identity.attempt,
        owns_end=False,
        was_set_aside=identity.attempt > 1,
    )
