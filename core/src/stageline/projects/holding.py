"""Locks on files that processes of one host hold together or alone; the kernel lets go of them for the dead."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from stageline.storage.os_errors import local_failure


class Hold:
    """A lock, held until `release`, or until this object and the children that inherited it are gone."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self.descriptor = descriptor
        self._pid = os.getpid()

    def share(self) -> None:
        """Let others hold it too. Somebody else may have held it alone for a moment in between."""
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Let go of it; once is enough."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def is_of_this_process(self) -> bool:
        """False in a forked child, whose parent still counts on the folder."""
        return self._pid == os.getpid()

    def __del__(self) -> None:
        self.release()


def hold_alone(path: Path) -> Hold | None:
    """The lock, held by nobody else; None if anybody holds it."""
    return _held(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold_together(path: Path, *, waits: bool) -> Hold | None:
    """The lock, held with others; None if it is held alone and this should not wait."""
    return _held(path, fcntl.LOCK_SH if waits else fcntl.LOCK_SH | fcntl.LOCK_NB)


def _held(path: Path, how: int) -> Hold | None:
    try:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, how)
                if _is_still(path, descriptor):
                    return Hold(path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(
                descriptor
            )  # it was removed while we waited, and another file may have its name
    except OSError as error:
        raise local_failure("lock", str(path), error) from error


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
