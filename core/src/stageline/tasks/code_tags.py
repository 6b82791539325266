"""Which code a task is: the tags of its source, found once for each file in a process."""

from __future__ import annotations

import inspect
import os
from functools import lru_cache
from typing import Any


def source_tags_of(function: Any) -> dict[str, str]:
    """Tags that name the source of a run of `function`; see `stageline.tracking.source`."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    return _source_tags(code.co_filename if code is not None else "")


# As the code version: it is that of the code which this process has loaded.
@lru_cache(maxsize=256)
def _source_tags(file: str) -> dict[str, str]:
    from stageline.tracking.source import source_tags

    folder = os.path.dirname(file)
    return source_tags(folder if os.path.isdir(folder) else None)
