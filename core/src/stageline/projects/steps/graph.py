"""Which step comes after which. Pure: nothing is read, nothing run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput
from stageline.projects.steps.step import Step, is_own_path, is_under, overlap

if TYPE_CHECKING:
    from stageline.projects.entry_point import EntryPoint


def linked(
    steps: Sequence[Step], entry_points: Mapping[str, EntryPoint], where: str
) -> tuple[Step, ...]:
    """The steps in an order in which they can run, each with all that it needs.

    A step needs those that it names, and those that make what it reads. A parameter of type `path` whose value is the
    project's own is something that it reads.

    Raises:
        InvalidInput: a name is given twice or unknown, two steps make the same file, or they wait for each other.
    """
    names = [step.name for step in steps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"{where}: two steps are named {twice!r}: give one of them another name")
    read = [_complete(step, entry_points.get(step.entry_point)) for step in steps]
    _check_outputs(read, where)
    needing = {step.name: _with_needs(step, read, where) for step in read}
    return tuple(needing[name] for name in _order(needing, where))


def sorter(steps: Sequence[Step]) -> TopologicalSorter[str]:
    """What tells, while steps are done, which ones are ready."""
    return TopologicalSorter({step.name: step.needs for step in steps})


def after(steps: Sequence[Step], name: str) -> list[str]:
    """The steps that need `name`, directly or by way of others."""
    found: list[str] = []
    for step in steps:  # in order, so what a step needs was looked at before
        if name in step.needs or any(one in found for one in step.needs):
            found.append(step.name)
    return found


def _complete(step: Step, entry: EntryPoint | None) -> Step:
    """With what goes without saying: a script is code of its step, a path of the project is an input."""
    if entry is None:
        is_named = step.code is None or step.entry_point in step.code
        return step if is_named else replace(step, code=(*(step.code or ()), step.entry_point))
    more = []
    for parameter in entry.parameters:
        value = step.parameters.get(parameter.name, parameter.default)
        if parameter.type != "path" or value is None or not is_own_path(value):
            continue
        path = value.removeprefix("./").rstrip("/")
        if not any(is_under(path, one) for one in step.inputs):
            more.append(path)
    return replace(step, inputs=(*step.inputs, *dict.fromkeys(more)))


def _check_outputs(steps: Sequence[Step], where: str) -> None:
    made: list[tuple[str, str]] = []
    for step in steps:
        for path in step.outputs:
            other = next((one for one in made if overlap(one[0], path)), None)
            if other is not None:
                raise InvalidInput(
                    f"{where}: the steps {other[1]!r} and {step.name!r} both make {path!r} or something in it: each "
                    "file is made by one step, once"
                )
            made.append((path, step.name))
            if any(overlap(path, one) for one in step.inputs):
                raise InvalidInput(
                    f"{where}: the step {step.name!r} reads what it makes, {path!r}: let it make another file"
                )


def _with_needs(step: Step, steps: Sequence[Step], where: str) -> Step:
    names = [one.name for one in steps]
    for name in step.needs:
        if name not in names:
            raise InvalidInput(
                f"{where}: the step {step.name!r} needs {name!r}, which is no step; there are {', '.join(names)}"
            )
    makers = [
        other.name
        for other in steps
        if any(overlap(path, one) for path in other.outputs for one in step.inputs)
    ]
    return replace(step, needs=tuple(dict.fromkeys([*step.needs, *makers])))


def _order(steps: Mapping[str, Step], where: str) -> list[str]:
    """As the file lists them, but each after those that it needs."""
    places = {name: place for place, name in enumerate(steps)}
    waiting = TopologicalSorter({name: step.needs for name, step in steps.items()})
    try:
        waiting.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise InvalidInput(f"{where}: steps wait for each other: {circle}") from None
    order: list[str] = []
    ready: list[str] = []
    while waiting.is_active():
        ready += waiting.get_ready()
        ready.sort(key=places.__getitem__)
        order.append(ready.pop(0))
        waiting.done(order[-1])
    return order
