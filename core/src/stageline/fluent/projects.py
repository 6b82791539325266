"""Run a project from where the process stands: its store, its experiment, its active run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from stageline.fluent.runs import active_run
from stageline.fluent.session import Session, chosen_experiment, get_workspace
from stageline.tracking.inheritance import inherited

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.steps.inputs import StepResult
    from stageline.projects.steps.running import StepPlan
    from stageline.projects.submitted import SubmittedRun


def run(
    uri: str | Path,
    entry_point: str | None = None,
    parameters: Mapping[str, object] | None = None,
    **options: Unpack[RunOptions],
) -> SubmittedRun:
    """Run a project as a tracked run, a child of the active one if there is one; see `Projects.run`.

    Args:
        uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` names a folder in it.
        entry_point: Its name in the MLproject file, or a script: `.py`, `.sh` or `.R`. By default the project's
            steps, or `main` if it has none.
        parameters: Values by name. What the entry point does not declare follows its command as `--name value`.
        options: See `stageline.projects.RunOptions`.

    Raises:
        InvalidInput: the project, the entry point or a parameter breaks a rule; nothing is recorded.
        NotFound: there is no such project, or nothing where a parameter of type `path` points.
        RunFailed: the command failed or was killed. Only if `synchronous`.
    """
    return get_workspace().projects.run(uri, entry_point, parameters, **placed(options))


def plan(
    uri: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    version: str | None = None,
) -> StepPlan:
    """The steps of a project, checked with these parameters, and the commit that they are of; see `Projects.plan`."""
    return get_workspace().projects.plan(uri, parameters, version=version)


def run_step(
    uri: str | Path,
    step: str,
    parameters: Mapping[str, object] | None = None,
    *,
    upstream: Mapping[str, StepResult] | None = None,
    **options: Unpack[RunOptions],
) -> StepResult:
    """Run one step of a project, or skip it if that was made before; see `Projects.run_step`.

    Its run is a child of the active one if there is one.
    """
    return get_workspace().projects.run_step(
        uri, step, parameters, upstream=upstream, **placed(options)
    )


def placed(options: RunOptions) -> RunOptions:
    """`options`, with the experiment and the parent that this process stands in where they name none."""
    result = options.copy()
    if not options.get("experiment_id") and not options.get("experiment_name"):
        result["experiment_id"] = Session.experiment_id or inherited("STAGELINE_EXPERIMENT_ID")
        if not result["experiment_id"]:
            result["experiment_name"] = chosen_experiment()
    if not options.get("parent_run_id"):
        active = active_run()
        result["parent_run_id"] = active.run_id if active else inherited("STAGELINE_RUN_ID") or None
    if result["parent_run_id"] and result["parent_run_id"] == options.get("run_id"):
        result["parent_run_id"] = None
    return result
