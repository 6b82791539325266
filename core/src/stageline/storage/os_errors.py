"""What the operating system's errors mean to somebody whose store is a folder."""

from __future__ import annotations

import errno

from stageline.errors import InvalidInput, StagelineError, StorageFailed, Unauthorized

ABSENT = (errno.ENOENT, errno.ENOTDIR)
"""What the system says where nothing lies at a path."""

_FULL = "the disk is full: free some space, or keep the store on another disk"
_NEXT_STEP = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: "the disk quota is used up: delete something, or ask for a larger one",
    errno.EROFS: "the file system is mounted read-only: remount it, or choose another folder for the store",
    errno.EMFILE: "this process has too many open files: raise `ulimit -n`",
    errno.ENFILE: "this machine has too many open files",
    errno.ESTALE: "the folder was removed or remounted on the file server: open the store again",
    errno.EIO: "the disk or the file server reports an input/output error: check it",
}


def local_failure(action: str, path: str, error: OSError) -> StagelineError:
    """The error to raise `from error`, after `action` ("create", "read" ...) failed on `path`."""
    reason = f"{error.strerror or error} (errno {error.errno})"
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unauthorized(
            f"could not {action} {path}: {reason}. This user may not: change the owner or the mode of "
            "the folder, or run as a user who has access"
        )
    if error.errno == errno.ENAMETOOLONG:
        return InvalidInput(
            f"could not {action} {path}: {reason}. A name may have 255 bytes at most"
        )
    if error.errno in (errno.ENOTDIR, errno.EISDIR):
        return InvalidInput(
            f"could not {action} {path}: {reason}. On a local store a name can not be an object and a "
            "folder at once: choose another name"
        )
    step = _NEXT_STEP.get(error.errno or 0, "check the disk, then try again")
    return StorageFailed(f"could not {action} {path}: {reason}; {step}")
