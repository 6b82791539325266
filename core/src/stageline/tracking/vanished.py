"""Runs of a listing that seem to run, though their process may have vanished."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from stageline.errors import Corrupt, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.run import Run
    from stageline.tracking.runs import Runs
    from stageline.tracking.search import RunSearch

_log = logging.getLogger("stageline")

VANISHED_LOOKS = 32
"""Runs that one search asks after, of those that seem to run but may have vanished."""


def with_the_vanished_ended(
    found: Iterable[Run], runs: Runs, index: RunSearch, *, now_ms: int, patience_s: float
) -> list[Run]:
    """The same runs, where those that only seem to run were looked at and ended; without those that are gone.

    Args:
        found: As the index has them.
        runs: Those of the store.
        index: Knows when each was heard of last.
        now_ms: Unix time in milliseconds.
        patience_s: Seconds of silence before a run is looked at; 0 to look at once.
    """
    alive: dict[str, dict[str, float]] = {}
    seen: list[Run] = []
    looks = VANISHED_LOOKS
    for run in found:
        if looks and not run.info.status.is_terminal and runs.find_open(run.info.run_id) is None:
            known = run.info.experiment_id
            if known not in alive:
                alive[known] = index.signs_of_life(known)
            last_s = alive[known].get(run.info.run_id, run.info.start_time / 1000)
            if not patience_s or now_ms / 1000 - last_s > patience_s:
                looks -= 1
                try:
                    run = runs.get(run.info.run_id)
                except NotFound:  # collected, and the index has yet to hear of it
                    continue
                except Corrupt as error:  # one damaged run must not hide the others
                    _log.warning(
                        "run %s is shown as it was last heard of: %s", run.info.run_id, error
                    )
        seen.append(run)
    return seen
