"""What the C library keeps of the memory that a long-lived worker gave back: little, and no more with each thread."""

from __future__ import annotations

import ctypes
import os
import platform

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

LARGE_BYTES = 128 << 10
"""A buffer of so many bytes is asked of the kernel, and goes back to it; as much may lie free at the end of the heap.

glibc begins with this, but raises it to the size of each larger buffer that is freed, up to 32 MB: after the first file
that passed, buffers of a megabyte are cut from the heap, and the small pieces between them keep it from shrinking.
"""
ARENAS = 2
"""Heaps that threads share. By default each of the first 8 for each core has its own, and keeps what it needed once."""
_CHOSEN_BY = (
    "MALLOC_ARENA_MAX",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "GLIBC_TUNABLES",
)


def keep_little() -> bool:
    """Tell the allocator; call it before threads begin. False where it is another one, or the environment chose."""
    if platform.libc_ver()[0] != "glibc" or any(os.environ.get(name) for name in _CHOSEN_BY):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    told = {
        _M_MMAP_THRESHOLD: LARGE_BYTES,
        _M_TRIM_THRESHOLD: LARGE_BYTES,
        _M_ARENA_MAX: ARENAS,
    }
    answers = [mallopt(option, value) for option, value in told.items()]
    return all(answers)
