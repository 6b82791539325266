"""The run of a project, begun: its tags and params, before its command is there to join it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.run import TAG_PARENT_RUN_ID, TAG_RUN_NAME
from stageline.errors import StorageFailed
from stageline.tracking.fate import ending_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from stageline.projects.options import RunOptions
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.runs import Runs


def begin_run(
    runs: Runs, tags: Mapping[str, str], params: Mapping[str, str], options: RunOptions
) -> ActiveRun:
    """A new run, or the one that `options` name.

    Args:
        runs: Where it is begun.
        tags: What is known of it.
        params: Its values, without secrets.
        options: Where it belongs, and what it is called.

    Raises:
        Conflict: that one has a param of another value.
        NotFound: there is no such run or experiment.
    """
    run_id, run_name = options.get("run_id"), options.get("run_name")
    parent = options.get("parent_run_id")
    if run_id is None:
        run = runs.create(
            options.get("experiment_id"),
            experiment_name=options.get("experiment_name"),
            run_name=run_name,
            tags=tags,
            parent_run_id=parent,
        )
        with EndIfLeft(run):
            run.log_batch(params=params)
        return run
    was_open = runs.find_open(run_id) is not None
    run = runs.resume(run_id)
    more = {TAG_RUN_NAME: run_name, TAG_PARENT_RUN_ID: parent}
    with EndIfLeft(None if was_open else run):
        run.log_batch(params=params)
        run.set_tags({**tags, **{key: value for key, value in more.items() if value}})
    return run


def publish(run: ActiveRun, runs: Runs) -> None:
    """Put the run into the store before its command looks for it there. A store that is away is a warning."""
    try:
        run.flush()
    except StorageFailed as error:
        runs.warn_away(error)


class EndIfLeft:
    """Ends a run as what left the block, if anything did."""

    def __init__(self, run: ActiveRun | None) -> None:
        self._run = run

    def __enter__(self) -> EndIfLeft:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._run is not None:
            self._run.end(*ending_of(error))
