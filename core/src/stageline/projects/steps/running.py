"""The steps of a project that was opened: planned, looked ahead, run one by one or all in their order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from stageline.errors import InvalidInput
from stageline.projects.beginning import EndIfLeft, begin_run, publish
from stageline.projects.parameters import local_path
from stageline.projects.secrets import Secrets
from stageline.projects.steps.cache import StepCache
from stageline.projects.steps.looking import Lookout
from stageline.projects.steps.pipeline import Pipeline
from stageline.projects.steps.preview import Preview, preview
from stageline.projects.steps.workshop import Workshop
from stageline.projects.submitted import SubmittedRun
from stageline.projects.tags import project_tags

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.planning import Opened
    from stageline.projects.steps.inputs import StepResult
    from stageline.projects.steps.pipeline import Began
    from stageline.projects.steps.step import Step
    from stageline.projects.steps.versions import Versions
    from stageline.projects.submission import Submission
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore

_log = logging.getLogger("stageline")


class PlannedStep(TypedDict):
    """A step, as an orchestrator draws it."""

    name: str
    needs: list[str]
    inputs: list[str]
    outputs: list[str]


class StepPlan(TypedDict):
    """The steps of a project at one version: plain JSON."""

    version: str | None
    """The commit; None for what is under no version control, or has changes that are not committed."""
    steps: list[PlannedStep]
    """Each after those that it needs."""


def planned_steps(steps: tuple[Step, ...]) -> list[PlannedStep]:
    """The steps as plain JSON."""
    return [
        PlannedStep(name=one.name, needs=[*one.needs], inputs=[*one.inputs], outputs=[*one.outputs])
        for one in steps
    ]


class Steps:
    """The steps of one project."""

    def __init__(
        self,
        opened: Opened,
        store: ObjectStore,
        submission: Submission,
        versions: Versions,
        settings: Settings,
        cache: Path,
        options: RunOptions,
    ) -> None:
        self._project = opened.project
        self._source = opened.source
        self._submission = submission
        if not self._project.steps:
            raise InvalidInput(
                f"{opened.source.uri} has no steps: list some in its MLproject file, or run one of its entry points"
            )
        if options.get("backend", "local") != "local":
            raise InvalidInput(
                f"steps run on this machine, not by the backend {options.get('backend')!r}: choose an entry point with "
                "-e, or let an orchestrator run each step where you want it"
            )
        most = options.get("max_parallel")
        if most is not None and most < 1:
            raise InvalidInput(f"max_parallel is 1 or more, not {most}")
        for name in options.get("refresh", ()):
            self._project.step(name)
        self._lookout = Lookout(
            opened,
            StepCache(store, submission.runs),
            versions,
            env_manager=options.get("env_manager"),
            not_code=[*_local(settings.store), settings.cache_folder],
        )
        self._workshop = Workshop(self._lookout, submission, cache)

    def plan(self, given: Mapping[str, object]) -> StepPlan:
        """All of them, with their values checked."""
        self._check(given)
        # A folder is read as it is; what was fetched by git is of its commit.
        version = self._source.commit if self._source.copy is not None else None
        return StepPlan(version=version, steps=planned_steps(self._project.steps))

    def preview(self, given: Mapping[str, object], options: RunOptions) -> list[Preview]:
        """What would become of each."""
        self._check(given)
        return preview(self._lookout, given, options)

    def run_one(
        self,
        name: str,
        given: Mapping[str, object],
        upstream: Mapping[str, StepResult],
        options: RunOptions,
    ) -> StepResult:
        """Run one of them. Raises `InvalidInput`, `RunFailed`."""
        self._submission.check(options)
        return self._workshop.run(self._project.step(name), given, upstream, options)

    def submit(self, given: Mapping[str, object], options: RunOptions) -> SubmittedRun:
        """Begin a run whose children will be the steps; `given` goes to all that take it."""
        self._check(given)
        texts = {str(name): str(value) for name, value in given.items()}
        secrets = Secrets({name.rpartition(".")[2]: text for name, text in texts.items()})
        owns_end = self._submission.owns_end(options)
        tags = project_tags(self._source, None, options.get("backend", "local"))
        run = begin_run(self._submission.runs, tags, secrets.shown(texts), options)
        say = options.get("say", _log.info)
        with EndIfLeft(run if owns_end else None):
            publish(run, self._submission.runs)
            say(f"run {run.run_id}: {', '.join(one.name for one in self._project.steps)}")
            child = _of_children(options, run.run_id, run.experiment_id)

            def run_step(
                step: Step, upstream: Mapping[str, StepResult], began: Began
            ) -> StepResult:
                mine = child.copy()
                mine["say"] = lambda line: say(f"{step.name}: {line}")
                return self._workshop.run(step, given, upstream, mine, began)

            pipeline = Pipeline(self._project.steps, run_step, options.get("max_parallel"))
        submitted = SubmittedRun(
            run, pipeline, owns_end=owns_end, clean_up=self._source.discard, shown=secrets.text
        )
        if "begun" in options:
            options["begun"](submitted)
        return submitted

    def _check(self, given: Mapping[str, object]) -> None:
        for step in self._project.steps:
            self._lookout.planned(step, given)


def _of_children(options: RunOptions, run_id: str, experiment_id: str) -> RunOptions:
    child = options.copy()
    for name in ("run_id", "run_name", "experiment_id", "experiment_name", "begun"):
        child.pop(name, None)  # type: ignore[misc]  # all of them may be left out
    if experiment_id:
        child["experiment_id"] = experiment_id
    else:
        child["experiment_name"] = options.get("experiment_name")
    child["parent_run_id"] = run_id
    return child


def _local(store: str) -> list[Path]:
    path = local_path(store)
    return [] if path is None else [Path(path).expanduser().absolute()]
