"""A view: the address of a page, and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.server.caller import Right


class View(NamedTuple):
    """One route of a page."""

    path: str
    """With `{name}` for a segment, which the function gets by that name, as text."""
    answer: Callable[..., Response]
    """Called with the `Page` in a thread; raises `StagelineError`."""
    methods: tuple[str, ...] = ("GET",)
    """A view that changes anything is asked by POST: then the form's token has been checked."""
    right: Right | Literal["none"] | None = None
    """What the reader must be allowed to do with what the address names; None: `read` by GET and `write` by POST."""
    judges_itself: bool = False
    """Whether an address that names nothing is for everybody, because the view shows each what `page.may` allows."""
    concerns_all: bool = False
    """Whether it shows what hangs together across experiments and models, whatever run the address names."""
