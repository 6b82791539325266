"""What core has to know of a task that Airflow runs: from its context to a `TaskCall`, and to that of its DAG run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.generations import generation_of
from airflow_provider_stageline.identity import (
    CONTEXT_KEYS,
    dag_run_identity,
    dag_run_link,
    dag_run_tags,
    meaning_of,
    secret_texts,
    task_identity,
    task_tags,
)
from airflow_provider_stageline.links import note_run
from airflow_provider_stageline.stores import hook_of, open_session
from stageline.tasks import SharedParent, TaskCall, Tracking, call_fingerprint

if TYPE_CHECKING:
    from airflow.sdk import Context


def task_call(
    context: Context,
    tracking: Tracking,
    function: Callable[..., Any] | None,
    params: Mapping[str, Any],
) -> TaskCall:
    """The task instance of `context`.

    Args:
        context: Airflow's.
        tracking: What is recorded.
        function: What the task calls, if it is a function.
        params: What it is called with; with other ones, a task that is cleared is another run.

    Raises:
        StagelineError: the store is needed to know, and is away; or the connection is wrong.
    """
    ti: Any = context["ti"]
    session = partial(open_session, tracking)
    fingerprint = call_fingerprint(function, params, secret_texts=secret_texts)
    generation = generation_of(context, fingerprint, session)
    identity = task_identity(context, generation.number)
    note_run(ti, identity.run_id, partial(_page_of, tracking, identity.run_id))
    return TaskCall(
        identity=identity,
        open_session=session,
        tracking=tracking,
        will_retry=ti.try_number <= (ti.max_tries or 0),
        tags={**task_tags(context), **generation.tags()},
        secret_texts=secret_texts,
        hidden_params=CONTEXT_KEYS,
        meaning_of=meaning_of,
        waits_elsewhere=True,
        began_ms=_ms(getattr(ti, "start_date", None)),
        shared_parent=SharedParent(
            call=dag_run_call(context, tracking), params=dag_run_params(context)
        ),
        function=function,
    )


def dag_run_call(context: Context, tracking: Tracking) -> TaskCall:
    """The DAG run of `context`, as its tasks join it."""
    ti: Any = context["ti"]
    dag_run: Any = context.get("dag_run")
    return TaskCall(
        identity=dag_run_identity(
            ti.dag_id,
            ti.run_id,
            clear_number=getattr(dag_run, "clear_number", 0) or 0,
            links=dag_run_link(getattr(ti, "log_url", None)),
        ),
        open_session=partial(open_session, tracking),
        tracking=replace(tracking, params=True, run_name=None, tags={}),
        tags=dag_run_tags(context),
        secret_texts=secret_texts,
        began_ms=_ms(getattr(dag_run, "start_date", None)),
    )


def dag_run_params(context: Context) -> dict[str, Any]:
    """What the DAG run was started with, over the defaults of its DAG."""
    dag: Any = context.get("dag")
    dag_run: Any = context.get("dag_run")
    defaults = getattr(dag, "params", None)
    return {
        **(defaults.dump() if defaults else {}),
        **(getattr(dag_run, "conf", None) or {}),
    }


def _page_of(tracking: Tracking, run_id: str) -> str | None:
    hook = hook_of(tracking)
    return None if hook is None else hook.ui_url(run_id)


def _ms(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
