"""Requests side by side: the one place that starts threads to hide a store's latency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")

WIDTH = 8
"""Requests at once; a store's own client allows about ten connections."""


def together(
    ask: Callable[[Item], Result], items: Iterable[Item], width: int = WIDTH
) -> list[Result]:
    """`ask` of each item, up to `width` at once, in the order of `items`. The first error is raised."""
    todo = list(items)
    if len(todo) < 2 or width < 2:
        return [ask(item) for item in todo]
    try:
        with ThreadPoolExecutor(min(width, len(todo))) as pool:
            return list(pool.map(ask, todo))
    except RuntimeError as error:
        if "shutdown" not in str(error):
            raise
        # The interpreter is on its way out and starts no more threads, but a run's end must still get through.
        return [ask(item) for item in todo]
