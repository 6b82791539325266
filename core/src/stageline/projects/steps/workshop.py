"""One step, from what it depends on to what came of it: skipped if that was made before, or else run and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.domain.run import RunStatus
from stageline.domain.task_tags import TAG_CACHED_FROM
from stageline.errors import StorageFailed
from stageline.projects.beginning import EndIfLeft, begin_run
from stageline.projects.sources.copies import own_copy
from stageline.projects.steps.cache import Made
from stageline.projects.steps.code import lay_out
from stageline.projects.steps.inputs import StepResult, bring
from stageline.projects.steps.keeping import KeepOutputs
from stageline.projects.steps.step import Step, is_under
from stageline.projects.submission import Besides, Submission
from stageline.projects.tags import TAG_STEP, project_tags

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.steps.looking import Looked, Lookout
    from stageline.projects.submitted import SubmittedRun
    from stageline.tracking.active import ActiveRun

_log = logging.getLogger("stageline")


class Workshop:
    """Runs steps of one project. Safe from several threads."""

    def __init__(self, lookout: Lookout, submission: Submission, folder: Path) -> None:
        """`folder` is where copies lie."""
        self._lookout = lookout
        self._submission = submission
        self._folder = folder

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
        looked = self._lookout.look(step, given, upstream)
        may_skip = options.get("use_cache", True) and step.name not in options.get("refresh", ())
        made = self._lookout.find(looked) if may_skip else None
        chosen = options.copy()
        chosen["run_name"] = options.get("run_name") or step.name
        if made is not None:
            return self._skipped(looked, made, chosen)
        submitted = self._submitted(looked, chosen)
        began(submitted)
        submitted.see_through()
        return self._kept(looked, submitted.run_id)

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
        step, source = looked.step, self._lookout.source
        copy = own_copy(
            self._folder,
            lambda folder: lay_out(looked.code, looked.facts.code, folder),
            f"the step {step.name}",
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
            self._lookout.cache.put(made, self._lookout.name)
        except StorageFailed as error:
            _log.warning("run %s will not spare another one: %s", run_id, error)
        return _result(looked.step, run_id, made)

    def _tags(self, step: Step) -> dict[str, str]:
        tags = project_tags(self._lookout.source, step.entry_point, "local")
        return {**tags, TAG_STEP: step.name}


def _record(run: ActiveRun, looked: Looked) -> None:
    for one in looked.inputs:
        run.log_input(one.record())


def _result(step: Step, run_id: str, made: Made) -> StepResult:
    return StepResult(step=step.name, run_id=run_id, made_by=made.run_id, outputs=made.outputs)
