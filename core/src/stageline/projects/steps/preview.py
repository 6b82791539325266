"""What running the steps would come to: which would run, which would be skipped, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from stageline.projects.steps.facts import change
from stageline.projects.steps.inputs import StepResult

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.steps.cache import Made
    from stageline.projects.steps.looking import Lookout
    from stageline.projects.steps.step import Step


class Preview(NamedTuple):
    """What would happen to a step."""

    step: str
    needs: list[str]
    command: str
    verdict: str
    """`skip`, `run`, or `depends`: on what those before it make."""
    reason: str
    made_by: str | None = None
    """Of one that would be skipped: the run that made the same."""


def preview(lookout: Lookout, given: Mapping[str, object], options: RunOptions) -> list[Preview]:
    """What would happen to each step, in the order of their running. Runs and records nothing."""
    upstream: dict[str, StepResult] = {}
    found: list[Preview] = []
    for step in lookout.project.steps:
        planned = lookout.planned(step, given)
        command = planned.shown_command(planned.binding.declared)
        verdict, reason, made = _verdict(lookout, step, given, upstream, options)
        if made is not None:
            upstream[step.name] = StepResult(
                step=step.name, run_id=made.run_id, made_by=made.run_id, outputs=made.outputs
            )
        made_by = made.run_id if made else None
        found.append(Preview(step.name, [*step.needs], command, verdict, reason, made_by))
    return found


def _verdict(
    lookout: Lookout,
    step: Step,
    given: Mapping[str, object],
    upstream: Mapping[str, StepResult],
    options: RunOptions,
) -> tuple[str, str, Made | None]:
    unknown = [name for name in step.needs if name not in upstream]
    if not options.get("use_cache", True):
        return "run", "nothing is to be skipped", None
    if step.name in options.get("refresh", ()):
        return "run", "it is to be run again", None
    if unknown:
        return "depends", f"on what {', '.join(unknown)} will make", None
    looked = lookout.look(step, given, upstream)
    made = lookout.find(looked)
    if made is not None:
        return "skip", f"run {made.run_id} made the same", made
    last = lookout.cache.last(lookout.name, step.name)
    if last is None:
        return "run", "it was not run before", None
    return "run", change(last.facts, looked.facts), None


def shown(previews: list[Preview]) -> str:
    """For people."""
    width = max((len(one.step) for one in previews), default=0)
    words = {"skip": "is skipped", "run": "runs", "depends": "may run"}
    lines = []
    for one in previews:
        lines.append(f"{one.step:{width}}  {words[one.verdict]}: {one.reason}")
        lines.append(f"{'':{width}}  bash -c {one.command}")
    return "\n".join(lines)
