"""A view: the address of a page, and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from starlette.responses import Response


class View(NamedTuple):
    """One route of a page."""

    path: str
    """With `{name}` for a segment, which the function gets by that name, as text."""
    answer: Callable[..., Response]
    """Called with the `Page` in a thread; raises `StagelineError`."""
    methods: tuple[str, ...] = ("GET",)
    """A view that changes anything is asked by POST: then the form's token has been checked."""
