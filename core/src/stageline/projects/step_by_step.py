"""The steps of a project for whoever runs them one by one, such as an orchestrator: planned, looked ahead, run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from stageline.projects.desk import Desk
from stageline.projects.interruption import sigterm_raises
from stageline.projects.options import RunOptions, check_options

if TYPE_CHECKING:
    from stageline.projects.steps.inputs import StepResult
    from stageline.projects.steps.preview import Preview
    from stageline.projects.steps.running import StepPlan


class StepByStep(Desk):
    """Steps apart from each other. Each call opens the project anew, on any machine."""

    def plan(
        self,
        uri: str | Path,
        parameters: Mapping[str, object] | None = None,
        *,
        version: str | None = None,
    ) -> StepPlan:
        """The steps of a project, checked with these parameters, and the commit that they are of; plain JSON.

        Raises:
            InvalidInput: the project has no steps, or a parameter breaks a rule.
            NotFound: there is no such project.
        """
        options: RunOptions = {"version": version}
        opened = self._opened(uri, options)
        try:
            return self._steps(opened, options).plan(parameters or {})
        finally:
            opened.source.discard()

    def preview(
        self,
        uri: str | Path,
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> list[Preview]:
        """What `run` would do with each step: run it or skip it, and why. Records nothing."""
        check_options(options)
        opened = self._opened(uri, options)
        try:
            return self._steps(opened, options).preview(parameters or {}, options)
        finally:
            opened.source.discard()

    def run_step(
        self,
        uri: str | Path,
        step: str,
        parameters: Mapping[str, object] | None = None,
        *,
        upstream: Mapping[str, StepResult] | None = None,
        **options: Unpack[RunOptions],
    ) -> StepResult:
        """Run one step as a tracked run, or skip it if that was made before; what came of it is plain JSON.

        Args:
            uri: The project. Give the `version` of its `plan`, or the steps may be of different ones.
            step: Its name.
            parameters: Values for all steps, as for `run`.
            upstream: What came of the steps that it needs, by their names.
            options: See `RunOptions`.

        Raises:
            InvalidInput: there is no such step, or the result of one that it needs is missing.
            RunFailed: its command failed, or did not make its outputs.
        """
        check_options(options)
        with sigterm_raises():
            opened = self._opened(uri, options)
            try:
                steps = self._steps(opened, options)
                return steps.run_one(step, parameters or {}, upstream or {}, options)
            finally:
                opened.source.discard()
