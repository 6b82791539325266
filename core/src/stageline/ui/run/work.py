"""How long a run really worked: by its attempts, or by when it was ended and re-opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.events import StatusSet
from stageline.tracking.reading import RunReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.run import Attempt, Run
    from stageline.storage.segment import Segment
    from stageline.tracking.reading import StoredRun
    from stageline.workspace import Workspace

MOST_LOGS = 200
"""Objects of a log that are read to find when a run was re-opened."""
_NS = 1_000_000


def worked_ms(workspace: Workspace, stored: StoredRun, run: Run, now_ms: int) -> int:
    """Milliseconds of work, up to now if it goes on.

    A run that was ended, and re-opened a day later to log a model, did not work for a day.
    """
    if run.attempts:
        return sum(attempt_ms(attempt, now_ms) for attempt in run.attempts)
    if _was_reopened(stored) and len(stored.entries) <= MOST_LOGS:
        reader = RunReader(workspace.store, workspace.spool)
        logs = [*reader.stretches(stored), *_waiting(stored)]
        changes = [change for log in logs for change in _changes(log)]
        return busy_ms(run.info.start_time, changes, now_ms)
    return max((run.info.end_time or now_ms) - run.info.start_time, 0)


def attempt_ms(attempt: Attempt, now_ms: int) -> int:
    """Milliseconds of one attempt, up to now if it goes on."""
    return max((attempt.end_time or now_ms) - attempt.start_time, 0)


def busy_ms(start_ms: int, changes: Iterable[StatusSet], now_ms: int) -> int:
    """Milliseconds between starts and ends, in the order of the changes' stamps.

    >>> ended = StatusSet(5, "FINISHED", 2_000)
    >>> reopened, again = StatusSet(86_400_000 * _NS, "RUNNING"), StatusSet(86_400_001 * _NS, "FINISHED", 86_400_500)
    >>> busy_ms(1_000, [again, ended, reopened], 0)
    1500
    """
    total, began = 0, start_ms
    is_busy = True
    for change in sorted(changes, key=lambda one: one.stamp):
        if change.end_time is not None and is_busy:
            total += max(change.end_time - began, 0)
            is_busy = False
        elif change.end_time is None and not is_busy:
            began, is_busy = change.stamp // _NS, True
    return total + (max(now_ms - began, 0) if is_busy else 0)


def _was_reopened(stored: StoredRun) -> bool:
    """Whether more than one writer has said how the run stands; an end sums up what its own has said."""
    ends = sum(end.summary.status is not None for end in stored.ends.values())
    return ends + sum(map(len, map(_changes, stored.loose.values()))) > 1


def _changes(segment: Segment) -> list[StatusSet]:
    return [event for event in segment.events if isinstance(event, StatusSet)]


def _waiting(stored: StoredRun) -> list[Segment]:
    """What has not reached the store yet."""
    listed = {entry.key for entry in stored.entries}
    return [segment for key, segment in stored.loose.items() if key not in listed]
