"""The functions that run in the place of a task's own: of the same kind, and recorded if their call is to be."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.tasks.session import TaskCall

CallOf = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], "TaskCall | None"]
"""From a function and its arguments to how that call is recorded; None if it is not."""
HandOn = Callable[[Any, "TaskCall"], Any]
"""From what a recorded call returned to what its caller gets."""


def as_returned(result: Any, call: TaskCall) -> Any:
    """The result itself."""
    return result


def recorded_body(
    fn: Callable[..., Any], call_of: CallOf, hand_on: HandOn = as_returned
) -> Callable[..., Any]:
    """A function of the same kind as `fn`, plain, a generator or a coroutine, that records what `fn` does.

    Its name, its signature and whatever else its orchestrator looks at are for the integration to set. All that it
    refers to is in its closure: a copy of its code may be given the globals of `fn`, and it is pickled as far as
    `call_of` and `hand_on` are.
    """
    if inspect.isasyncgenfunction(fn):
        return _async_items(fn, call_of)
    if inspect.iscoroutinefunction(fn):
        return _awaited(fn, call_of, hand_on)
    if inspect.isgeneratorfunction(fn):
        return _items(fn, call_of, hand_on)
    return _result(fn, call_of, hand_on)


def _result(fn: Callable[..., Any], call_of: CallOf, hand_on: HandOn) -> Callable[..., Any]:
    run = partial(_run, "tracked_call")

    def tracked(*args: Any, **kwargs: Any) -> Any:
        call = call_of(fn, args, kwargs)
        return fn(*args, **kwargs) if call is None else hand_on(run(fn, args, kwargs, call), call)

    return tracked


def _awaited(fn: Callable[..., Any], call_of: CallOf, hand_on: HandOn) -> Callable[..., Any]:
    run = partial(_run, "tracked_async_call")

    async def tracked(*args: Any, **kwargs: Any) -> Any:
        call = call_of(fn, args, kwargs)
        if call is None:
            return await fn(*args, **kwargs)
        return hand_on(await run(fn, args, kwargs, call), call)

    return tracked


def _items(fn: Callable[..., Any], call_of: CallOf, hand_on: HandOn) -> Callable[..., Any]:
    run = partial(_run, "tracked_generator")

    def tracked(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = call_of(fn, args, kwargs)
        if call is None:
            return (yield from fn(*args, **kwargs))
        return hand_on((yield from run(fn, args, kwargs, call)), call)

    return tracked


def _async_items(fn: Callable[..., Any], call_of: CallOf) -> Callable[..., Any]:
    run, closing = partial(_run, "tracked_async_generator"), aclosing

    async def tracked(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        call = call_of(fn, args, kwargs)
        found = fn(*args, **kwargs) if call is None else run(fn, args, kwargs, call)
        async with closing(found) as items:
            async for item in items:
                yield item

    return tracked


def _run(how: str, *args: Any) -> Any:
    # When it is called: a pipeline that is only parsed calls nothing.
    import stageline.tasks.record as record  # as it is found quickest, for it is asked at each call

    return getattr(record, how)(*args)
