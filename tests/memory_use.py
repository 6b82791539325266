"""How much memory a block of a test took at most."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def memory_peak() -> Iterator[Callable[[], int]]:
    """The most bytes that Python objects took inside the block, beyond what they took before it."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: peak - before
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
