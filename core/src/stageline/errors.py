"""Every error that Stageline raises, grouped by what the caller would do about it.

    StagelineError
    ├── InvalidInput    (ValueError)       mend the argument
    ├── NotFound        (LookupError)      name a thing that exists
    ├── AlreadyExists   (ValueError)       choose another name, or use the existing thing
    ├── Conflict        (RuntimeError)     somebody else moved first: read again and decide
    ├── NotAllowed      (PermissionError)  a policy or the state of the thing forbids it
    ├── StorageFailed   (OSError)          the store did not answer: check it, try again
    │   └── Unauthorized                   the store refused the credentials
    ├── Corrupt         (ValueError)       what is stored is not what was written
    └── RunFailed       (RuntimeError)     the code that was run failed: its output says why

`code` is stable and never renamed; HTTP statuses and exit codes are derived from `REACTIONS` alone.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class StagelineError(Exception):
    """Root of all errors of this library."""

    code: ClassVar[str] = "error"


class InvalidInput(StagelineError, ValueError):
    """An argument breaks a rule; the message names it, the rule and what was found."""

    code = "invalid_input"


class NotFound(StagelineError, LookupError):
    """The named thing is not in the store."""

    code = "not_found"


class AlreadyExists(StagelineError, ValueError):
    """The name or id is taken."""

    code = "already_exists"


class Conflict(StagelineError, RuntimeError):
    """The call contradicts what is recorded, or another writer moved first."""

    code = "conflict"


class NotAllowed(StagelineError, PermissionError):
    """A policy, or the state of the thing, forbids the call."""

    code = "not_allowed"


class StorageFailed(StagelineError, OSError):
    """The store did not do what was asked; nothing is known to have changed unless the message says so."""

    code = "storage_failed"


class Unauthorized(StorageFailed):
    """The store refused the credentials (401, 403): they are missing, wrong, or have expired."""

    code = "unauthorized"


class Corrupt(StagelineError, ValueError):
    """A stored object does not match its checksum, its format, or its manifest."""

    code = "corrupt"


class RunFailed(StagelineError, RuntimeError):
    """The code of a project failed, or was killed; the run that the message names tells more."""

    code = "run_failed"


class Reaction(NamedTuple):
    """How an error is told outside Python."""

    exit_code: int
    http_status: int


REACTIONS: dict[type[StagelineError], Reaction] = {
    StagelineError: Reaction(1, 500),
    InvalidInput: Reaction(2, 400),
    NotFound: Reaction(3, 404),
    AlreadyExists: Reaction(4, 400),
    Conflict: Reaction(5, 409),
    NotAllowed: Reaction(6, 403),
    StorageFailed: Reaction(7, 503),
    Unauthorized: Reaction(8, 503),
    Corrupt: Reaction(9, 500),
    RunFailed: Reaction(11, 500),  # as `stageline runs wait` tells a failed run
}


def reaction(error: StagelineError) -> Reaction:
    """The exit code and HTTP status of `error`, by its nearest class in `REACTIONS`."""
    return next(REACTIONS[cls] for cls in type(error).__mro__ if cls in REACTIONS)
