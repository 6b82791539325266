"""What tracked tasks and tracked flows share: a function of the user's, and the one that stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def stand_in(
    fn: Callable[P, R], instrumented: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> tuple[Callable[..., Any], Callable[P, R]]:
    """What was decorated, and what Prefect is to call in its place, of the same kind and signature."""
    if isinstance(fn, (classmethod, staticmethod)):
        plain = fn.__func__
        return plain, type(fn)(instrumented(plain))
    return fn, instrumented(fn)
