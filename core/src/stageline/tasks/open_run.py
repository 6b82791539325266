"""The run that is open where a task's own code asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.tracking.active import ActiveRun


def needed_run(run: ActiveRun | None, where: str) -> ActiveRun:
    """`run`, which an integration's `current_run()` found open; `where` says what has to be around its caller.

    Raises:
        NotFound: none is open.
    """
    if run is None:
        raise NotFound(f"no run is open here: call current_run() inside {where}")
    return run
