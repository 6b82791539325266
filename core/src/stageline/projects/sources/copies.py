"""Copies of a project's code that belong to one run each: two runs at once must not see each other's files."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from stageline.projects.built import Built, built_once

COPIES = "copies"
"""Below the cache. What a process leaves that is killed is pruned, since nobody holds it."""

_open: weakref.WeakSet[Built] = weakref.WeakSet()


def own_copy(cache: Path, fill: Callable[[Path], object], what: str) -> Built:
    """A new folder that `fill` makes; removed when it is discarded, or else when the process exits."""

    def build(content: Path, lock: int) -> Mapping[str, str]:
        del lock
        fill(content)
        return {"source": what}

    copy = built_once(cache / COPIES, os.urandom(8).hex(), build, what=what, say=_nobody_waits)
    if not _open:
        atexit.register(_discard_all)
    _open.add(copy)
    return copy


def _discard_all() -> None:
    for copy in list(_open):
        copy.discard()


def _nobody_waits(line: str) -> None:
    raise AssertionError(line)  # the key is random
