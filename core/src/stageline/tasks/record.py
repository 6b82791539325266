"""Running a task as a tracked run: one function for each kind of callable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from stageline.tasks.params import bound_params
from stageline.tasks.parent import find_parent
from stageline.tasks.recording import Recording

if TYPE_CHECKING:
    from stageline.tasks.session import TaskCall

T = TypeVar("T")


def tracked_call(
    function: Callable[..., T], args: tuple[Any, ...], kwargs: Mapping[str, Any], call: TaskCall
) -> T:
    """Call `function` and record the call as a run.

    Raises:
        Exception: what the function raises; errors of tracking only with `on_error="raise"`.
    """
    recording = _begun(function, args, kwargs, call)
    try:
        with recording.active():
            result = function(*args, **kwargs)
    except BaseException as error:
        recording.fail(error)
        raise
    recording.succeed(result)
    return result


async def tracked_async_call(
    function: Callable[..., Awaitable[T]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    call: TaskCall,
) -> T:
    """The same for a coroutine function. The event loop does not wait for a store over a network."""
    recording = _begun(function, args, kwargs, call)
    try:
        with recording.active():
            result = await function(*args, **kwargs)
    except BaseException as error:
        recording.fail(error)
        raise
    await _succeed(recording, result)
    return result


def tracked_generator(
    function: Callable[..., Generator[Any, Any, Any]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    call: TaskCall,
) -> Generator[Any, Any, Any]:
    """The same for a generator function. Whoever stops early has had enough: the run is FINISHED."""
    recording = _begun(function, args, kwargs, call)
    inner = function(*args, **kwargs)
    # The run is active only while the task's own code runs: between two items its caller's does.
    step: Callable[[], Any] = lambda: next(inner)  # noqa: E731
    try:
        while True:
            with recording.active():
                item = step()
            try:
                sent = yield item
            except GeneratorExit:
                with recording.active():
                    inner.close()
                raise
            except BaseException as error:
                step = _later(inner.throw, error)
            else:
                step = _later(inner.send, sent)
    except StopIteration as stop:
        recording.succeed(stop.value)
        return stop.value
    except BaseException as error:
        recording.fail(error)
        raise


async def tracked_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    call: TaskCall,
) -> AsyncGenerator[Any, Any]:
    """The same for an asynchronous generator function."""
    recording = _begun(function, args, kwargs, call)
    inner = function(*args, **kwargs)
    step: Callable[[], Awaitable[Any]] = lambda: anext(inner)  # noqa: E731
    try:
        while True:
            with recording.active():
                item = await step()
            try:
                sent = yield item
            except GeneratorExit:
                with recording.active():
                    await inner.aclose()
                raise
            except BaseException as error:
                step = _later(inner.athrow, error)
            else:
                step = _later(inner.asend, sent)
    except StopAsyncIteration:
        await _succeed(recording, None)
    except BaseException as error:
        recording.fail(error)
        raise


def _begun(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], call: TaskCall
) -> Recording:
    params = bound_params(function, args, kwargs)
    for name in call.hidden_params & params.keys():
        del params[name]
    recording = Recording(call, params)
    recording.begin()
    outer = find_parent(call.identity.parent_run_id or "")
    if outer is not None:
        recording.share_secrets(outer)
    return recording


async def _succeed(recording: Recording, result: Any) -> None:
    if recording.blocks_to_end:
        await asyncio.to_thread(recording.succeed, result)
    else:
        recording.succeed(result)


def _later(method: Callable[[Any], T], argument: Any) -> Callable[[], T]:
    return lambda: method(argument)
