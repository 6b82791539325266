"""The functions that tracked tasks run in place of the user's: any process can unpickle them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from prefect.context import TaskRunContext

from prefect_stageline.flow_runs import tracking_in_flow
from stageline import active_run
from stageline.tasks import recorded_body

if TYPE_CHECKING:
    from stageline.tasks import TaskCall

_log = logging.getLogger("stageline")


def instrumented(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind and signature that records what it does when a tracked task calls it."""
    body = update_wrapper(recorded_body(fn, _call_of), fn)
    # Prefect reads the signature three times a call, and looks for it behind each wrapper.
    with suppress(
        Exception
    ):  # of an annotation that can not be evaluated here: then it is read as ever
        body.__signature__ = inspect.signature(fn, eval_str=True)  # type: ignore[attr-defined]
    return body


def _call_of(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> TaskCall | None:
    """The task run that calls `fn`; None if nothing is to be recorded, as when a test calls `task.fn()`."""
    context = TaskRunContext.get()
    if context is None or getattr(context.task, "untracked_fn", None) is not fn:
        return None
    task: Any = context.task  # a `TrackedTask`, which is made of this module's functions
    try:
        call: TaskCall = task.call_in(context, tracking_in_flow(task.tracking))
        running = active_run()
        if running is not None and running.run_id == call.identity.run_id:
            return None  # the task calls its own function
    except Exception as error:  # of ours or of Prefect: no reason not to do the task's work
        if task.tracking.on_error == "raise":
            raise
        _log.warning(
            "tracking of %s: %s: %s. The task goes on", task.name, type(error).__name__, error
        )
        return None
    return call
