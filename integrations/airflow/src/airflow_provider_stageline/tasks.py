"""`tracked_task`: a function whose calls by Airflow are recorded as runs, under any `@task`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from airflow.sdk import get_current_context

from airflow_provider_stageline.marks import MARK
from stageline.errors import StagelineError
from stageline.tasks import Tracking

if TYPE_CHECKING:
    from stageline import ActiveRun
    from stageline.tasks import TaskCall

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("stageline")


@overload
def tracked_task(fn: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def tracked_task(
    *, tracking: Tracking | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def tracked_task(fn: Any = None, /, *, tracking: Tracking | None = None) -> Any:
    """Record each call of a function that Airflow makes as a task; below `@task`, bare or with options.

    A run holds the arguments as params, the numbers in the returned mapping as metrics, the files whose paths are
    returned as artifacts, and how it ended. It is a child of the DAG run's; a retry is an attempt of the same run.
    Called by anyone else, it is the plain function.

    Args:
        fn: The function.
        tracking: What is recorded, if not all of that.

    >>> @tracked_task
    ... def train(alpha: float, l1_ratio: float = 0.5) -> dict[str, float]:
    ...     return {"rmse": alpha * l1_ratio}
    >>> train(0.5)
    {'rmse': 0.25}
    """
    if fn is None:
        return partial(_tracked, tracking=tracking or Tracking())
    return _tracked(fn, tracking=tracking or Tracking())


def _tracked(fn: Callable[P, R], *, tracking: Tracking) -> Callable[P, R]:
    from airflow_provider_stageline.bodies import instrumented

    made = instrumented(fn, partial(_call_of, tracking))
    setattr(made, MARK, tracking)
    return made


def current_run() -> ActiveRun:
    """The run of the tracked task that calls this.

    Raises:
        NotFound: nothing that is tracked is running here.
    """
    from stageline import active_run
    from stageline.tasks import needed_run

    return needed_run(active_run(), "a task that is tracked, by @task.stageline or @tracked_task")


def run_environment() -> dict[str, str]:
    """The variables by which a process that the tracked task starts joins its run, with the store's options.

    What inherits the environment finds its run without; these hold the store's credentials too.

    Raises:
        NotFound: nothing that is tracked is running here.
    """
    from stageline import chosen_experiment, get_workspace
    from stageline.tasks import run_environment as variables_of

    return variables_of(current_run(), get_workspace(), chosen_experiment())


def _call_of(
    tracking: Tracking, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> TaskCall | None:
    """How this call is recorded; None if it is no task's own, as when a test calls the function."""
    try:
        context = get_current_context()
    except RuntimeError:  # Airflow runs no task here
        return None
    from airflow_provider_stageline.calls import task_call
    from airflow_provider_stageline.identity import CONTEXT_KEYS
    from airflow_provider_stageline.links import noted_run
    from stageline import active_run
    from stageline.tasks import bound_params

    running = active_run()
    if running is not None and running.run_id == noted_run(context["ti"]):
        return None  # the task calls its own function, or its operator is tracked as a whole
    try:
        params = bound_params(fn, args, kwargs)
        chosen = {name: value for name, value in params.items() if name not in CONTEXT_KEYS}
        return task_call(context, tracking, fn, chosen)
    except (
        Exception
    ) as error:  # of ours, or of Airflow's context: no reason not to do the task's work
        if tracking.on_error == "raise":
            raise
        # An error that is not ours may say anything, arguments too.
        told = f": {error}" if isinstance(error, StagelineError) else ""
        task_id = context["ti"].task_id
        _log.warning("tracking of %s: %s%s. The task goes on", task_id, type(error).__name__, told)
        return None
