"""A task that may be skipped, and by that stops whatever comes after it, however it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect.client.schemas import State
from prefect.context import TaskRunContext
from prefect.exceptions import CancelledRun
from prefect.states import Cancelled
from prefect.tasks import Task

P = ParamSpec("P")
R = TypeVar("R")


class SkippableTask(Task[P, R]):
    """A task whose function may return `skipped(...)`. Where it is called, and not submitted, that raises."""

    if not TYPE_CHECKING:  # the signatures are Task's

        def __call__(self, *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
            """As `Task.__call__`."""
            result = super().__call__(*args, return_state=return_state, **kwargs)
            if isinstance(result, State) and not return_state:
                # Prefect hands a state that a function returns to the caller, who would go on.
                raise CancelledRun(result.message)
            return result

        def with_options(self, **options: Any) -> Any:
            """As `Task.with_options`, which makes plain tasks."""
            changed = super().with_options(**options)
            changed.__class__ = type(self)
            return changed


def skipped(message: str) -> State[Any]:
    """What the function of such a task returns to end Skipped.

    That is a Cancelled state: the one final kind that is neither a success, which tasks that wait for this would take
    for their go, nor a failure.

    Raises:
        CancelledRun: the function is not run by its own task, as by `.fn`: nobody would look at the state.
    """
    context = TaskRunContext.get()
    if context is None or not isinstance(context.task, SkippableTask):
        raise CancelledRun(message)
    return Cancelled(name="Skipped", message=message)
