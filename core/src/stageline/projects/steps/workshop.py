"""One step, from what it depends on to what came of it: skipped if that was made before, or else run and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.domain.run import RunStatus
from stageline.domain.task_tags import TAG_CACHED_FROM
from stageline.errors import StorageFailed
from stageline.projects.beginning import EndIfLeft, begin_run
from stageline.projects.environments.digest import environment_digest
from stageline.projects.planning import Opened, Planned, plan
from stageline.projects.sources.copies import own_copy
from stageline.projects.steps.cache import Made, StepCache
from stageline.projects.steps.code import CodeFile, code_of, digests_of, lay_out
from stageline.projects.steps.facts import Facts
from stageline.projects.steps.inputs import Input, StepResult, bring, inputs_of
from stageline.projects.steps.keeping import KeepOutputs
from stageline.projects.steps.step import Step, is_own_path, is_under
from stageline.projects.steps.values import values_of
from stageline.projects.submission import Besides, Submission
from stageline.projects.tags import TAG_STEP, project_tags

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.steps.versions import Versions
    from stageline.projects.submitted import SubmittedRun
    from stageline.tracking.active import ActiveRun

_log = logging.getLogger("stageline")


@dataclass(frozen=True)
class Looked:
    """A step, and all that it depends on."""

    step: Step
    planned: Planned
    code: Mapping[str, CodeFile]
    inputs: list[Input]
    facts: Facts


class Workshop:
    """Runs steps of one project. Safe from several threads."""

    def __init__(
        self,
        opened: Opened,
        submission: Submission,
        cache: StepCache,
        versions: Versions,
        *,
        env_manager: str | None,
        folder: Path,
        not_code: list[Path],
    ) -> None:
        self.project = opened.project
        self.cache = cache
        self._opened = opened
        self._submission = submission
        self._versions = versions
        self._env_manager = env_manager
        self._folder = folder
        """Where copies lie."""
        self._not_code = not_code

    @property
    def name(self) -> str:
        """What the project is called among others."""
        return self.project.name or self._opened.source.uri

    @cached_property
    def _environment(self) -> str:
        return environment_digest(self._opened.environment, self._env_manager)

    def planned(self, step: Step, given: Mapping[str, object]) -> Planned:
        """The step's entry point and values. Raises `InvalidInput`."""
        entry, values = values_of(self.project, step, given)
        return plan(self._opened, entry, values)

    def look(
        self, step: Step, given: Mapping[str, object], upstream: Mapping[str, StepResult]
    ) -> Looked:
        """What the step depends on. Runs nothing. Raises as `inputs_of`, `code_of` and `bind`."""
        planned = self.planned(step, given)
        steps, place = self.project.steps, self._opened.source.folder
        inputs = inputs_of(step, steps, place, upstream, self._versions)
        code = code_of(step, steps, place, self._not_code)
        parameters = planned.secrets.shown(planned.binding.params)
        digests = {one.name: one.digest for one in inputs}
        for name, value in self._paths(planned):  # what is there counts, not where it lies
            digests[f"parameter {name}"] = self._versions.digest(value)
            del parameters[name]
        facts = Facts(
            entry_point=step.entry_point,
            command=planned.entry_point.command,
            parameters=parameters,
            environment=self._environment,
            code=digests_of(code),
            inputs=digests,
            outputs=sorted(step.outputs),
        )
        return Looked(step, planned, code, inputs, facts)

    def find(self, looked: Looked) -> Made | None:
        """What was made of the same before. While the store is away, nothing."""
        try:
            return self.cache.find(looked.facts)
        except StorageFailed as error:
            _log.warning(
                "the step %s is run, as it can not be looked up: %s", looked.step.name, error
            )
            return None

    def run(
        self,
        step: Step,
        given: Mapping[str, object],
        upstream: Mapping[str, StepResult],
        options: RunOptions,
        began: Callable[[SubmittedRun], None] = lambda submitted: None,
    ) -> StepResult:
        """Run the step, or skip it: a run of its own in either case.

        Args:
            step: The step.
            given: Values, for this step and for others.
            upstream: What came of the steps that it needs.
            options: Where its run belongs, and whether it may be skipped.
            began: Told the run that was begun, before its command runs.

        Raises:
            RunFailed: its command failed, or did not make what it should.
        """
        looked = self.look(step, given, upstream)
        may_skip = options.get("use_cache", True) and step.name not in options.get("refresh", ())
        made = self.find(looked) if may_skip else None
        chosen = options.copy()
        chosen["run_name"] = options.get("run_name") or step.name
        if made is not None:
            return self._skipped(looked, made, chosen)
        submitted = self._submitted(looked, chosen)
        began(submitted)
        submitted.see_through()
        return self._kept(looked, submitted.run_id)

    def _paths(self, planned: Planned) -> list[tuple[str, str]]:
        """The parameters that name files which are not among the inputs."""
        declared, defaulted = planned.binding.declared, planned.binding.defaulted
        return [
            (one.name, declared[one.name])
            for one in planned.entry_point.parameters
            if one.type == "path"
            and not (one.name in defaulted and is_own_path(declared[one.name]))
        ]

    def _skipped(self, looked: Looked, made: Made, options: RunOptions) -> StepResult:
        tags = {**self._tags(looked.step), TAG_CACHED_FROM: made.run_id}
        params = looked.planned.secrets.shown(looked.planned.binding.params)
        owns_end = self._submission.owns_end(options)
        run = begin_run(self._submission.runs, tags, params, options)
        with EndIfLeft(run if owns_end else None):
            _record(run, looked)
        if owns_end:
            run.end(RunStatus.FINISHED)
        options.get("say", _log.info)(f"skipped: run {made.run_id} made the same")
        return _result(looked.step, run.run_id, made)

    def _submitted(self, looked: Looked, options: RunOptions) -> SubmittedRun:
        step, source = looked.step, self._opened.source
        copy = own_copy(
            self._folder, lambda folder: lay_out(dict(looked.code), folder), f"the step {step.name}"
        )
        place = copy.folder

        def ready(run: ActiveRun) -> None:
            _record(run, looked)
            bring(looked.inputs, place, self._submission.artifacts)
            for path in step.outputs:
                (place / path).parent.mkdir(parents=True, exist_ok=True)

        besides = Besides(
            {TAG_STEP: step.name},
            ready,
            lambda run, launched: KeepOutputs(
                launched, step, place, self._submission.artifacts(run.run_id)
            ),
        )
        planned = replace(looked.planned, source=replace(source, folder=place, copy=copy))
        return self._submission.submit(planned, options, besides)

    def _kept(self, looked: Looked, run_id: str) -> StepResult:
        files = self._submission.runs.files(run_id)
        made = Made(
            run_id=run_id,
            step=looked.step.name,
            facts=looked.facts,
            outputs={
                path: file.sha256 or ""
                for path, file in sorted(files.items())
                if any(is_under(path, one) for one in looked.step.outputs)
            },
        )
        try:
            self.cache.put(made, self.name)
        except StorageFailed as error:
            _log.warning("run %s will not spare another one: %s", run_id, error)
        return _result(looked.step, run_id, made)

    def _tags(self, step: Step) -> dict[str, str]:
        tags = project_tags(self._opened.source, step.entry_point, "local")
        return {**tags, TAG_STEP: step.name}


def _record(run: ActiveRun, looked: Looked) -> None:
    for one in looked.inputs:
        run.log_input(one.record())


def _result(step: Step, run_id: str, made: Made) -> StepResult:
    return StepResult(step=step.name, run_id=run_id, made_by=made.run_id, outputs=made.outputs)
