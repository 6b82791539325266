"""Files of the user's own disk, as transfers meet them: opened without surprises, listed without leaving a folder."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stageline.errors import InvalidInput, NotAllowed, NotFound, StagelineError
from stageline.storage.keys import TEMPORARY
from stageline.storage.os_errors import local_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A pipe in the place of a file must not make us wait for whoever writes to it.
_SOURCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN
_TARGET = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN


def open_source(path: Path) -> BinaryIO:
    """A file for reading; links are followed. Raises `NotFound`, or `InvalidInput` if it is no regular file."""
    try:
        descriptor = os.open(path, _SOURCE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"no file {path}: it has to exist when it is logged") from error
    except PermissionError as error:
        raise NotAllowed(f"this user may not read {path}: change its owner or its mode") from error
    except OSError as error:
        if path.exists() and not path.is_file():  # a socket; on Windows also a folder
            raise InvalidInput(_not_a_file(path)) from error
        raise local_failure("read", str(path), error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(_not_a_file(path))
    return os.fdopen(descriptor, "rb", buffering=0)


def files_under(folder: Path) -> dict[str, Path]:
    """Relative POSIX path -> file, for every file under `folder`; a link to a file inside the folder counts as one.

    Raises:
        NotFound: there is no such folder.
        InvalidInput: it is no folder, or a thing in it can not be sent: a link that leads out of it, to a
            folder or nowhere; a device, a pipe, a socket.
    """
    if not folder.exists():
        raise NotFound(f"no folder {folder}: it has to exist when it is logged")
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder: log it as a file")
    return dict(sorted(_walk(str(folder), "", os.path.realpath(folder))))


@contextmanager
def appearing(path: Path, *, syncs: bool = False) -> Iterator[BinaryIO]:
    """A new file that takes the name `path` at the end, unless an exception comes first. Its folder must exist."""
    temporary = path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(temporary, _TARGET, 0o666), "wb") as target:
            yield target
            if syncs:
                target.flush()
                os.fsync(target.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and not isinstance(error, StagelineError):
            raise local_failure("write", str(path), error) from error
        raise


def _walk(folder: str, prefix: str, root: str) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(folder) as scan:
            items = list(scan)
    except OSError as error:
        raise local_failure("list", folder, error) from error
    for item in items:
        if item.is_dir(follow_symlinks=False):
            yield from _walk(item.path, f"{prefix}{item.name}/", root)
        elif item.is_symlink():
            yield prefix + item.name, _followed(item.path, root)
        elif item.is_file(follow_symlinks=False):
            yield prefix + item.name, Path(item.path)
        else:
            raise InvalidInput(_not_a_file(Path(item.path)))


def _followed(link: str, root: str) -> Path:
    target = os.path.realpath(link)
    if not target.startswith(root.rstrip(os.sep) + os.sep):
        raise InvalidInput(
            f"{link} is a symbolic link to {target}, which lies outside of {root}: put a copy there instead"
        )
    if not os.path.isfile(target):
        raise InvalidInput(
            f"{link} is a symbolic link to {target}, which is no file: put a copy there instead, or remove the link"
        )
    return Path(target)


def _not_a_file(path: Path) -> str:
    kind = "a folder" if path.is_dir() else "a device, a pipe or a socket"
    return f"{path} is {kind}: only a regular file has content that can be kept"
