"""Tracking of an operator as a whole, whatever it does and wherever that runs: from its `execute` to the end of it."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.calls import task_call
from airflow_provider_stageline.handing_on import handed_on
from airflow_provider_stageline.identity import CONTEXT_KEYS
from airflow_provider_stageline.marks import MARK
from airflow_provider_stageline.stores import hook_of
from airflow_provider_stageline.tasks import run_environment
from stageline.errors import StagelineError
from stageline.tasks import Recording, Tracking

if TYPE_CHECKING:
    from airflow.sdk import Context

_log = logging.getLogger("stageline")

_NOTHING_INSIDE = Tracking(params=False, metrics=None, artifacts=None)
"""Of an operator of which nothing is known: state, tries, duration, error, links."""


def tracking_of(task: Any, *, tracks_all: bool) -> Tracking | None:
    """How the operator is to be tracked as a whole; None if it is not, or its own function sees to it."""
    function = getattr(task, "python_callable", None)
    marked = getattr(function, MARK, None)
    if isinstance(marked, Tracking):
        return None if _calls_its_function_once_and_here(task) else marked
    if not tracks_all or getattr(task, "tracks_itself", False):
        return None
    return Tracking() if function is not None else _NOTHING_INSIDE


def track_operator(task: Any, tracking: Tracking) -> None:
    """Record what the operator does in this process from now on, resuming after a deferral included."""
    # On this object and in this process, which are the task's own: Airflow has no hook around `execute`.
    for name in ("execute", "resume_execution"):
        setattr(task, name, partial(_run, task, tracking, getattr(task, name)))


def _calls_its_function_once_and_here(task: Any) -> bool:
    kinds = {kind.__name__ for kind in type(task).__mro__}
    return "PythonOperator" in kinds and "_BasePythonVirtualenvOperator" not in kinds


def _run(
    task: Any, tracking: Tracking, plain: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    context = kwargs["context"] if "context" in kwargs else args[-1]
    recording = _recording(task, tracking, context)
    if recording is None:
        return plain(*args, **kwargs)
    try:
        with recording.active():
            _name_to_child(task, tracking)
            result = plain(*args, **kwargs)
    except BaseException as error:
        recording.fail(error)
        raise
    recording.succeed(result)
    return handed_on(result, recording.call) if tracking.artifacts else result


def _recording(task: Any, tracking: Tracking, context: Context) -> Recording | None:
    try:
        function = getattr(task, "python_callable", None)
        params = _templated(task) if function is None else _arguments(function, task)
        recording = Recording(task_call(context, tracking, function, params), params)
        recording.begin()
    except (
        Exception
    ) as error:  # of ours, or of Airflow's context: no reason not to do the task's work
        if tracking.on_error == "raise":
            raise
        told = f": {error}" if isinstance(error, StagelineError) else ""
        _log.warning(
            "tracking of %s: %s%s. The task goes on", task.task_id, type(error).__name__, told
        )
        return None
    return recording


def _templated(task: Any) -> dict[str, Any]:
    """What tells one call of an operator from another; it is not shown, since nobody knows what it holds."""
    fields = {name: getattr(task, name, None) for name in task.template_fields}
    return {"operator": type(task).__qualname__, **fields}


def _arguments(function: Callable[..., Any], task: Any) -> dict[str, Any]:
    """The arguments that were chosen, and defaults; not those that Airflow passes itself."""
    try:
        signature = inspect.signature(function)
        bound = signature.bind_partial(
            *(getattr(task, "op_args", None) or ()), **(getattr(task, "op_kwargs", None) or {})
        )
    except (TypeError, ValueError):  # the call will say so
        return {}
    bound.apply_defaults()
    named = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named |= named.pop(name, {})
    return {name: value for name, value in named.items() if name not in CONTEXT_KEYS}


def _name_to_child(task: Any, tracking: Tracking) -> None:
    """What the operator starts elsewhere inherits the environment, but no credentials: name the run to it alone."""
    if not hasattr(task, "env_vars"):
        return
    try:
        variables = run_environment()
        hook = hook_of(tracking)
        options = dict(hook.storage_options()) if hook is not None and hook.is_defined else {}
        if options:
            variables["STAGELINE_STORAGE_OPTIONS"] = json.dumps(options)
    except (
        StagelineError,
        TypeError,
    ) as error:  # options that are no JSON, such as a session's object
        _log.warning(
            "what %s starts may not reach the store: %s", task.task_id, type(error).__name__
        )
        return
    task.env_vars = {**variables, **(task.env_vars or {})}
