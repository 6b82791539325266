"""One look at a store for all who ask for it at once: a look that begins after somebody came serves them too."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

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
        self._begin()

    def _begin(self) -> None:
        self._turn = Lock()
        self._begun = 0
        self._found: tuple[int, T] | None = None
        """The number of the last call that did not fail, and what it returned."""
        self._pid = os.getpid()  # last: whoever finds it right may wait for the lock

    def __call__(self) -> T:
        """What `look` returns. Raises what it raises."""
        if self._pid != os.getpid():  # another thread of the parent may have held the lock
            self._begin()
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
