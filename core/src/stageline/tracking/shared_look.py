"""One look at a store for all who ask for it at once: a look that begins after somebody came serves them too."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class SharedLook(Generic[T]):
    """Calls `look` for whoever asks. Safe from many threads, of which any number wait for at most two calls.

    Each asker is answered by a call that began after it asked, so what was stored before is seen. A call that fails
    fails for its caller alone: those who waited for it look for themselves, side by side, rather than one after the
    other at a store that is away.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Begin anew, as a forked child must: a thread that the parent kept may have held the lock."""
        self._turn = Lock()
        self._begun = 0
        self._found: tuple[int, T] | None = None
        """The number of the last call that did not fail, and what it returned."""

    def __call__(self) -> T:
        """What `look` returns. Raises what it raises."""
        begun = self._begun
        with self._turn:
            if self._found is not None and self._found[0] > begun:
                return self._found[1]
            if self._begun == begun:
                self._begun += 1
                found = self._look()
                self._found = self._begun, found
                return found
        return self._look()


_all: WeakSet[SharedLook[Any]] = WeakSet()


def _after_fork() -> None:
    for shared in _all:
        shared.renew()


os.register_at_fork(after_in_child=_after_fork)
