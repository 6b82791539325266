"""The functions that tracked tasks run in place of the user's: each a line, so that any process can unpickle it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from functools import update_wrapper, wraps
from typing import TYPE_CHECKING, Any

from prefect.context import TaskRunContext

from prefect_stageline.flow_runs import tracking_in_flow
from stageline import active_run
from stageline.tasks import (
    tracked_async_call,
    tracked_async_generator,
    tracked_call,
    tracked_generator,
)

if TYPE_CHECKING:
    from stageline.tasks import TaskCall

_log = logging.getLogger("stageline")


def instrumented(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind and signature that records what it does when a tracked task calls it."""
    # Prefect looks at the function to know its kind; and cloudpickle takes along whatever a nested function names, so
    # these name nothing but functions of this module.
    if inspect.isasyncgenfunction(fn):

        @wraps(fn)
        async def tracked(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            async with aclosing(_async_items(fn, args, kwargs)) as items:
                async for item in items:
                    yield item

        return tracked
    if inspect.iscoroutinefunction(fn):

        @wraps(fn)
        async def tracked_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await _awaited(fn, args, kwargs)

        return tracked_coroutine
    if inspect.isgeneratorfunction(fn):

        @wraps(fn)
        def tracked_items(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _items(fn, args, kwargs))

        return tracked_items

    def tracked_result(*args: Any, **kwargs: Any) -> Any:
        return _result(fn, args, kwargs)

    return update_wrapper(tracked_result, fn)


def _result(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call = _call_of(fn)
    return fn(*args, **kwargs) if call is None else tracked_call(fn, args, kwargs, call)


def _awaited(
    fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    call = _call_of(fn)
    return fn(*args, **kwargs) if call is None else tracked_async_call(fn, args, kwargs, call)


def _items(
    fn: Callable[..., Generator[Any, Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Generator[Any, Any, Any]:
    call = _call_of(fn)
    return fn(*args, **kwargs) if call is None else tracked_generator(fn, args, kwargs, call)


def _async_items(
    fn: Callable[..., AsyncGenerator[Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> AsyncGenerator[Any, Any]:
    call = _call_of(fn)
    return fn(*args, **kwargs) if call is None else tracked_async_generator(fn, args, kwargs, call)


def _call_of(fn: Callable[..., Any]) -> TaskCall | None:
    """The task run that calls `fn`; None if nothing is to be recorded, as when a test calls `task.fn()`."""
    from prefect_stageline.tasks import TrackedTask  # late: it is made of this module's functions

    context = TaskRunContext.get()
    if (
        context is None
        or not isinstance(context.task, TrackedTask)
        or context.task.untracked_fn is not fn
    ):
        return None
    task = context.task
    try:
        call = task.call_in(context, tracking_in_flow(task.tracking))
        running = active_run()
        if running is not None and running.run_id == call.identity.run_id:
            return None  # the task calls its own function
    except (
        Exception
    ) as error:  # of ours or of Prefect's context: no reason not to do the task's work
        if task.tracking.on_error == "raise":
            raise
        _log.warning(
            "tracking of %s: %s: %s. The task goes on", task.name, type(error).__name__, error
        )
        return None
    return call
