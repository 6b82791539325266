"""Begin, activate, end and get runs. The one context variable is here."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from stageline.domain.run import TAG_NOTE, TAG_RUN_NAME, Run, RunStatus
from stageline.errors import InvalidInput
from stageline.fluent.session import Session, chosen_experiment, get_workspace
from stageline.tracking import endings
from stageline.tracking.inheritance import inherited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.tracking.active import ActiveRun


STACK: ContextVar[tuple[ActiveRun, ...]] = ContextVar("stageline_active_runs", default=())
"""The open runs of this thread or asyncio task, outermost first."""
_TAKEN: dict[str, object] = {}
"""Runs that the environment named, and who has joined them."""


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool = False,
    *,
    rank: int | None = None,
    capture_output: bool = False,
) -> ActiveRun:
    """Begin a run, or go on with one, and make it the active run of this thread or asyncio task.

    Args:
        run_id: A run in the store, to go on with. `STAGELINE_RUN_ID` names one to whatever a project or a tracked task
            starts: the first run that such a process begins is that one, and whoever named it ends it.
        experiment_id: Where a new run belongs; default: what `set_experiment` chose.
        run_name: Its name, in which `{user}`, `{experiment}`, `{date}`, `{time}` and `{run_id}` are filled in.
        nested: Whether it is a child of the active run; needed when there is one.
        parent_run_id: The run that it is a child of, if that is not the active one.
        tags: First tags.
        description: Text that is shown with the run.
        log_system_metrics: Whether to log CPU, memory, disk and network use every ten seconds.
        rank: Which process of a distributed job this is. All of them name the same `run_id`, which need not exist;
            rank 0 owns the params and the end.
        capture_output: Whether to keep what the process prints.

    Raises:
        InvalidInput: a run is active and `nested` is False, or an argument breaks a rule.
        NotFound: there is no run with that id.
        NotAllowed: the run is deleted.
    """
    above = active_run()
    if above is not None and run_id == above.run_id and above.pid != os.getpid():
        above = None  # a forked worker that was told its parent's run, and joins it
    if above is not None and not nested:
        raise InvalidInput(
            f"Run with UUID {above.run_id} is already active. To start a new run, first end the current run with "
            "stageline.end_run(). To start a nested run, call start_run with nested=True"
        )
    given = dict(tags or {})
    if description is not None:
        given[TAG_NOTE] = description
    named = run_id or (None if above else _handed_over())
    parent = parent_run_id or (above.run_id if above else None)
    runs = get_workspace().runs
    if rank is not None:
        if not named:
            raise InvalidInput(
                "start_run(rank=...) needs the run_id that all ranks of the job share"
            )
        opened = runs.join(
            named, experiment_name=Session.experiment_name, run_name=run_name, tags=given, parent_run_id=parent,
            owns_end=rank == 0, keeps_params=rank == 0,
        )  # fmt: skip
    elif named:
        opened = runs.resume(named, owns_end=run_id is not None)
        if run_name:
            given[TAG_RUN_NAME] = run_name
        if given:
            opened.set_tags(given)
    else:
        opened = runs.create(
            experiment_id or Session.experiment_id or inherited("STAGELINE_EXPERIMENT_ID"),
            experiment_name=None if experiment_id else chosen_experiment(),
            run_name=run_name,
            tags={**_source_tags(), **given},
            parent_run_id=parent,
        )
    return _begin(opened, log_system_metrics, capture_output)


def _handed_over() -> str | None:
    """The run that the environment names, once in a process: MLflow forgets its own such variable when it is used."""
    named = inherited("STAGELINE_RUN_ID")
    mine = object()
    return named if named and _TAKEN.setdefault(named, mine) is mine else None


def _begin(run: ActiveRun, log_system_metrics: bool, capture_output: bool) -> ActiveRun:
    STACK.set((*STACK.get(), run))
    endings.watch(run)
    if capture_output:
        from stageline.tracking.terminal import Capture

        capture = Capture(run.write_output)
        capture.start()
        run.before_end.append(capture.stop)
    if log_system_metrics:
        from stageline.tracking.system_metrics import SystemMetrics

        sampling = SystemMetrics(run.log_metrics)
        sampling.start()
        run.before_end.append(sampling.stop)
    run.before_end.append(lambda: _leave(run))
    return run


def _leave(run: ActiveRun) -> None:
    endings.unwatch(run)
    STACK.set(tuple(other for other in STACK.get() if other is not run))


def end_run(status: RunStatus | str = RunStatus.FINISHED) -> None:
    """End the active run; nothing happens if there is none."""
    run = active_run()
    if run is not None:
        run.end(status)


def active_run() -> ActiveRun | None:
    """The innermost open run of this thread or asyncio task."""
    stack = STACK.get()
    while stack and stack[-1].is_ended:  # ended elsewhere: by another thread, or through its handle
        stack = stack[:-1]
    return stack[-1] if stack else None


def current() -> ActiveRun:
    return active_run() or start_run()


def opened(run_id: str | None) -> ActiveRun:
    return current() if run_id is None else get_workspace().runs.opened(run_id)


def get_run(run_id: str) -> Run:
    """The run. Raises `NotFound`."""
    return get_workspace().runs.get(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run that this one is nested in; None if it is not nested."""
    parent = get_run(run_id).parent_run_id
    return get_run(parent) if parent else None


def delete_run(run_id: str) -> None:
    """Put a run aside; it can be restored until it is collected."""
    get_workspace().runs.delete(run_id)


def _source_tags() -> dict[str, str]:
    # Late: looking for the repository costs nothing where there is none, but its module is of no use to a reader.
    from stageline.tracking.source import source_tags

    return source_tags()
