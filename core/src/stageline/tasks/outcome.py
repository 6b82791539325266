"""What a task returns, read as metrics and artifacts."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# To ask an abstract class is a call of Python; what is nearly always there comes first.
_MAPPING = (dict, Mapping)
_NUMBER = (float, int, numbers.Real)


def metrics_of(result: Any) -> dict[str, float]:
    """The numbers in a returned mapping, or in the mappings of a returned tuple. A bool is no metric.

    >>> metrics_of({"rmse": 0.5, "epochs": 3, "converged": True, "note": "fine"})
    {'rmse': 0.5, 'epochs': 3.0}
    """
    return {
        str(key): float(value)
        for part in _parts(result)
        if isinstance(part, _MAPPING)
        for key, value in part.items()
        if isinstance(value, _NUMBER) and not isinstance(value, bool)
    }


def paths_of(result: Any) -> list[Path]:
    """The files and folders that a task returns the paths of: one, a list, a mapping's values, or a tuple of these."""
    found = (path for part in _parts(result) for path in _paths(part))
    return [path for path in dict.fromkeys(found) if path.exists()]


def bytes_in(path: Path) -> int:
    """The size of a file, or of the files in a folder together."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _paths(part: Any) -> Iterator[Path]:
    if isinstance(part, Path):
        yield part
    elif isinstance(part, (list, tuple, set, frozenset)):
        yield from (one for one in part if isinstance(one, Path))
    elif isinstance(part, _MAPPING):
        yield from (one for one in part.values() if isinstance(one, Path))
