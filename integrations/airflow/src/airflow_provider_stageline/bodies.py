"""The functions that tracked tasks run in place of the user's, as Airflow has to find them."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.handing_on import handed_on
from stageline.tasks import recorded_body

if TYPE_CHECKING:
    from stageline.tasks import TaskCall

CallOf = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], "TaskCall | None"]
"""Says how a call of the function is recorded; None if it is not."""


def instrumented(fn: Callable[..., Any], call_of: CallOf) -> Callable[..., Any]:
    """A function of the same kind as `fn`, with the same signature and source, that records what it does."""
    return _in_place_of(fn, recorded_body(fn, call_of, handed_on))


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
