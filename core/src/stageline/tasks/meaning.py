"""What an exception that leaves a task means to its orchestrator, where it is more than a failure."""

from __future__ import annotations

from enum import Enum


class ErrorMeaning(Enum):
    """Said by an integration of an exception; one that it says nothing of is read as Python's own are."""

    DONE = "done"
    """The task has done its work: this is how it says what is to follow."""
    SKIPPED = "skipped"
    """There was nothing to do."""
    PAUSED = "paused"
    """The same attempt goes on later, in another process: nothing has ended."""
    FAILED = "failed"
    """It failed, though the exception is none of those that Python counts as errors."""
    FATAL = "fatal"
    """It failed, and will not be tried again whatever was planned."""
