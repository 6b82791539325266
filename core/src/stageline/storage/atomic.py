"""Files that appear whole or not at all: temporary names, hard links, syncing."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import count

from stageline.storage.keys import TEMPORARY

_NO_HARD_LINKS = {
    errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL,
}  # fmt: skip
NEW = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


class _Names:
    """Names that no other process chooses: what is random in them is asked for once, not for each file."""

    def __init__(self) -> None:
        self._numbers = count()
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._prefix = ""

    def next(self) -> str:
        if not self._prefix:
            self._prefix = f"{TEMPORARY}{os.urandom(8).hex()}-"
        return f"{self._prefix}{next(self._numbers):x}"


_names = _Names()


def new_temporary(path: str) -> tuple[str, int]:
    """A new file beside `path`, hidden from listings: its name, and a descriptor to write to."""
    temporary = f"{os.path.dirname(path)}{os.sep}{_names.next()}"
    return temporary, os.open(temporary, NEW, 0o666)


def write_out(descriptor: int, data: bytes, *, syncs: bool) -> None:
    """Write all of `data`, sync it if `syncs`, and close."""
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, memoryview(data)[written:])
        if syncs:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(temporary: str, path: str) -> bool | None:
    """Name the temporary file `path`: True if done, False if the name is taken, None if there are no hard links."""
    try:
        os.link(temporary, path)
    except OSError as error:
        # On NFS the reply may be lost and the request repeated: two names mean that ours is one of them.
        if os.stat(temporary).st_nlink == 2:
            return True
        if error.errno == errno.EEXIST:
            return False
        if error.errno in _NO_HARD_LINKS:
            return None
        raise
    return True


def discard(path: str) -> None:
    """Remove the file if that is possible: for clearing up after a failure that is told already."""
    with suppress(OSError):
        os.unlink(path)


def sync_folder(path: str) -> None:
    """Make the name `path` itself survive a loss of power."""
    if os.name == "nt":  # folders can not be opened there
        return
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
