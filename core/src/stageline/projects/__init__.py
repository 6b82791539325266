"""Projects: code that runs anywhere as a tracked run, from an `MLproject` file or without one.

`run`, `plan` and `run_step` are loaded when they are first used: they work on the store that the process has chosen,
which lies above this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.fluent.projects import plan, run, run_step
    from stageline.projects.mlproject import read_steps
    from stageline.projects.options import RunOptions
    from stageline.projects.steps.inputs import StepResult
    from stageline.projects.steps.running import StepPlan
    from stageline.projects.steps.step import Step
    from stageline.projects.submitted import SubmittedRun

__all__ = [
    "RunOptions",
    "Step",
    "StepPlan",
    "StepResult",
    "SubmittedRun",
    "plan",
    "read_steps",
    "run",
    "run_step",
]

_ROOMS = {
    "RunOptions": "stageline.projects.options",
    "Step": "stageline.projects.steps.step",
    "StepPlan": "stageline.projects.steps.running",
    "StepResult": "stageline.projects.steps.inputs",
    "SubmittedRun": "stageline.projects.submitted",
    "plan": "stageline.fluent.projects",
    "read_steps": "stageline.projects.mlproject",
    "run": "stageline.fluent.projects",
    "run_step": "stageline.fluent.projects",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'stageline.projects' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value
