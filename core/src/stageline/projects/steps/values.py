"""Which values each step gets, of those that are given for all of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.projects.entry_point import EntryPoint
    from stageline.projects.mlproject import Project
    from stageline.projects.steps.step import Step


def values_of(
    project: Project, step: Step, given: Mapping[str, object]
) -> tuple[EntryPoint, dict[str, object]]:
    """The entry point of a step, with the step's values as its defaults, and what is given for it.

    `name` is for all steps that take a parameter of that name, `step.name` for one, and counts more.

    Raises:
        InvalidInput: no step takes what is given, or there is no such entry point.
    """
    for name in given:
        if not any(_takes(project, one, name) for one in project.steps):
            known = sorted({key for one in project.steps for key in _taken(project, one)})
            raise InvalidInput(
                f"no step takes {name!r}: they take {', '.join(known) or 'no parameters'}; one step alone is meant by "
                f"{project.steps[0].name}.{name}"
            )
    mine = {name: value for name, value in given.items() if name in _taken(project, step)}
    mine |= {
        name.removeprefix(f"{step.name}."): value
        for name, value in given.items()
        if name.startswith(f"{step.name}.")
    }
    entry = project.entry_point(step.entry_point)
    declared = {parameter.name for parameter in entry.parameters}
    extra = {name: text for name, text in step.parameters.items() if name not in declared}
    parameters = tuple(
        replace(one, default=step.parameters.get(one.name, one.default)) for one in entry.parameters
    )
    return replace(entry, parameters=parameters), {**extra, **mine}


def _takes(project: Project, step: Step, name: str) -> bool:
    return name in _taken(project, step) or name.startswith(f"{step.name}.")


def _taken(project: Project, step: Step) -> set[str]:
    entry = project.entry_points.get(step.entry_point)
    declared = {parameter.name for parameter in entry.parameters} if entry else set()
    return declared | set(step.parameters)
