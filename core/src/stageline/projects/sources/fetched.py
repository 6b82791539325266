"""A project's code on this disk, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stageline.projects.built import Built


@dataclass(frozen=True)
class Fetched:
    """A project's folder, ready to run in. Holds no credentials, so it may be shown and recorded.

    Keep it until the run is over: then nobody prunes the folder meanwhile.
    """

    folder: Path
    """Absolute. The user's own folder, or a copy that belongs to this run alone and may be written to."""
    uri: str
    """What was asked for, without user, password and query."""
    commit: str | None = None
    """Forty digits; None where the code is under no version control."""
    repo_url: str | None = None
    """Of the remote, as it may be shown."""
    branch: str | None = None
    """None where a tag or a commit was asked for."""
    copy: Built | None = field(default=None, repr=False, compare=False)
    """What `discard` removes; None where the folder is the user's own."""

    def discard(self) -> None:
        """Remove the copy, once nothing runs in it any more. Without it that happens when the process exits."""
        if self.copy is not None:
            self.copy.discard()
