"""A fork waits for what our background threads import: a child forked inside an import inherits its lock for ever.

Python renews its global import lock in a forked child, but not the lock of each module that another thread of the
parent was just importing. The child's own import of that module then waits for a thread that it does not have.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_gate = threading.RLock()


@contextmanager
def importing() -> Iterator[None]:
    """Hold forks back inside the block: for imports that may happen on a thread of ours."""
    with _gate:
        yield


def _before() -> None:
    _gate.acquire()


def _in_parent() -> None:
    _gate.release()


def _in_child() -> None:
    global _gate
    _gate = threading.RLock()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
