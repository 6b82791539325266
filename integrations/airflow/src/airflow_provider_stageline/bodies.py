"""The functions that tracked tasks run in place of the user's: of the same kind, with the same signature and source."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from functools import partial, update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.handing_on import handed_on

if TYPE_CHECKING:
    from stageline.tasks import TaskCall

CallOf = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], "TaskCall | None"]
"""Says how a call of the function is recorded; None if it is not."""


def instrumented(fn: Callable[..., Any], call_of: CallOf) -> Callable[..., Any]:
    """A function of the same kind as `fn` that records what it does."""
    if inspect.isasyncgenfunction(fn):
        return _in_place_of(fn, _async_items(fn, call_of))
    if inspect.iscoroutinefunction(fn):
        return _in_place_of(fn, _awaited(fn, call_of))
    if inspect.isgeneratorfunction(fn):
        return _in_place_of(fn, _items(fn, call_of))
    return _in_place_of(fn, _result(fn, call_of))


def _result(fn: Callable[..., Any], call_of: CallOf) -> Callable[..., Any]:
    run, hand = partial(_run, "tracked_call"), handed_on

    def tracked(*args: Any, **kwargs: Any) -> Any:
        call = call_of(fn, args, kwargs)
        return fn(*args, **kwargs) if call is None else hand(run(fn, args, kwargs, call), call)

    return tracked


def _awaited(fn: Callable[..., Any], call_of: CallOf) -> Callable[..., Any]:
    run, hand = partial(_run, "tracked_async_call"), handed_on

    async def tracked(*args: Any, **kwargs: Any) -> Any:
        call = call_of(fn, args, kwargs)
        if call is None:
            return await fn(*args, **kwargs)
        return hand(await run(fn, args, kwargs, call), call)

    return tracked


def _items(fn: Callable[..., Any], call_of: CallOf) -> Callable[..., Any]:
    run, hand = partial(_run, "tracked_generator"), handed_on

    def tracked(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = call_of(fn, args, kwargs)
        if call is None:
            return (yield from fn(*args, **kwargs))
        return hand((yield from run(fn, args, kwargs, call)), call)

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
    # By its name, when it is called: a DAG file that is parsed calls nothing.
    import stageline.tasks

    return getattr(stageline.tasks, how)(*args)


def _in_place_of(fn: Callable[..., Any], tracked: Any) -> Callable[..., Any]:
    """`tracked`, as Airflow has to find it.

    `@task.virtualenv` and its kin send the source of a function elsewhere, where nobody knows our decorator, and
    Airflow takes away only its own. So the source of this one begins below all decorators. It is found by the place of
    the code; annotations that are text are looked up in the module of the function.
    """
    place = {}
    if isinstance(fn, FunctionType):
        place = {"co_filename": fn.__code__.co_filename, "co_firstlineno": _line_of_def(fn)}
    made = FunctionType(
        tracked.__code__.replace(**place),
        getattr(fn, "__globals__", tracked.__globals__),
        tracked.__name__,
        None,
        tracked.__closure__,
    )
    made.__kwdefaults__ = tracked.__kwdefaults__
    update_wrapper(made, fn)
    del made.__wrapped__  # type: ignore[attr-defined]  # whoever follows it would find the decorators again
    made.__signature__ = inspect.signature(fn)  # type: ignore[attr-defined]
    return made


def _line_of_def(fn: FunctionType) -> int:
    first = fn.__code__.co_firstlineno
    lines = linecache.getlines(fn.__code__.co_filename, fn.__globals__)[first - 1 :]
    if not lines:
        return first
    indent = len(lines[0]) - len(lines[0].lstrip())
    for below, line in enumerate(lines):
        if line[indent:].startswith(("def ", "async def ")):
            return first + below
    return first
