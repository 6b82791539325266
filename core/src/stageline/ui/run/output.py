"""The end of what a run printed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.events import OutputWritten
from stageline.tracking.reading import RunReader

if TYPE_CHECKING:
    from stageline.tracking.reading import StoredRun
    from stageline.workspace import Workspace

LAST_LINES = 200
LONGEST_LINE = 2_000


class Line(NamedTuple):
    """A line, and whether it is of the stream of errors."""

    text: str
    is_error: bool


class Tail(NamedTuple):
    """The last lines, and how many there are."""

    lines: list[Line]
    total: int

    @property
    def is_cut(self) -> bool:
        """Whether there are more."""
        return self.total > len(self.lines)


def read_tail(workspace: Workspace, stored: StoredRun, most: int = LAST_LINES) -> Tail:
    """The last lines of a run's output; nothing is read of a run that captured none."""
    if not has_output(stored):
        return Tail([], 0)
    lines: deque[Line] = deque(maxlen=most)
    total = 0
    for written in RunReader(workspace.store, workspace.spool).output(stored):
        for text in written.text.splitlines():
            total += 1
            lines.append(Line(_cut(text), written.stream == "stderr"))
    return Tail(list(lines), total)


def has_output(stored: StoredRun) -> bool:
    """Whether anything of the run's output is kept."""
    return any(end.has_output for end in stored.ends.values()) or any(
        isinstance(event, OutputWritten)
        for segment in stored.loose.values()
        for event in segment.events
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} …"
