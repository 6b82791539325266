"""Ending runs from where Airflow hears of an end: the scheduler, and the API server. Never in their way."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.identity import dag_run_identity
from airflow_provider_stageline.stores import open_session
from stageline import RunStatus
from stageline.errors import NotFound, StagelineError
from stageline.tasks import TaskCall, TaskIdentity, Tracking, end_shared_parent

if TYPE_CHECKING:
    from datetime import datetime

_log = logging.getLogger("stageline")
_threads: dict[int, ThreadPoolExecutor] = {}
"""By process: the scheduler forks, and a child has none of its parent's threads."""


def end_dag_run(dag_run: Any, status: RunStatus, reason: str | None) -> None:
    """End the run of a DAG run, in a thread of ours: nothing happens if none of its tasks was tracked."""
    call = TaskCall(
        identity=dag_run_identity(
            dag_run.dag_id, dag_run.run_id, clear_number=getattr(dag_run, "clear_number", 0) or 0
        ),
        open_session=partial(open_session, Tracking()),
        began_ms=_ms(dag_run.start_date),
    )
    # Read now: the thread has no session of Airflow's database.
    name, ended_ms = call.identity.display_name, _ms(dag_run.end_date)
    _later(name, lambda: end_shared_parent(call, status, reason, ended_ms=ended_ms))


def end_lost_task(identity: TaskIdentity, reason: str) -> None:
    """End the run of a task whose process could not, as KILLED; one that has ended, or goes on, stays as it is."""

    def end() -> None:
        runs = open_session(Tracking()).workspace.runs
        try:
            run = runs.get(identity.run_id)
        except NotFound:
            return
        is_followed = any(one.number > identity.attempt for one in run.attempts)
        if not (run.info.status.is_terminal or is_followed):
            runs.set_status(identity.run_id, RunStatus.KILLED, reason)

    _later(identity.display_name, end)


def _later(what: str, do: Callable[[], Any]) -> None:
    _thread().submit(_spared, what, do)


def _thread() -> ThreadPoolExecutor:
    mine = _threads.get(os.getpid())
    if mine is None:
        mine = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stageline")
        _threads[os.getpid()] = mine
    return mine


def _spared(what: str, do: Callable[[], Any]) -> None:
    try:
        do()
    except StagelineError as error:
        _log.info("the run of %s is not ended from here: %s", what, error)
    except Exception:  # of Airflow's: a thread that dies of it would say less
        _log.exception("the run of %s is not ended from here", what)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
