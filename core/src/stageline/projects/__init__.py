"""Projects: code that runs anywhere as a tracked run, from an `MLproject` file or without one.

`run` is loaded when it is first used: it works on the store that the process has chosen, which lies above this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.fluent.projects import run
    from stageline.projects.options import RunOptions
    from stageline.projects.submitted import SubmittedRun

__all__ = ["RunOptions", "SubmittedRun", "run"]

_ROOMS = {
    "RunOptions": "stageline.projects.options",
    "SubmittedRun": "stageline.projects.submitted",
    "run": "stageline.fluent.projects",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'stageline.projects' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value
