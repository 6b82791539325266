"""A block of tracking in a task: what goes wrong in it is told, and is no reason not to do the task's work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Sparing:
    """Passes over the errors of its block that `is_spared(what, error)` lets it.

    A class, as `contextlib` makes of a generator three times the calls, and a small task has seven such blocks.
    """

    __slots__ = ("_is_spared", "_what")

    def __init__(self, is_spared: Callable[[str, Exception], bool], what: str) -> None:
        self._is_spared = is_spared
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        return isinstance(error, Exception) and self._is_spared(self._what, error)
