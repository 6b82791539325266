"""The write-ahead log of one writer: framed, checksummed records on a local disk.

The first frame (`frames`) holds a `WalHead`, each other one a record. A record is one `write(2)`: when `append`
returns, the kernel has it, and `kill -9` of the process can not take it back.
The writer holds an exclusive `flock` on the file for as long as it lives, so anyone on the host can tell a dead one.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from stageline.domain.document import UNREADABLE, check_format
from stageline.errors import Corrupt, StorageFailed
from stageline.storage.frames import FRAME, MAX_RECORD, framed, too_long, whole_in
from stageline.storage.keys import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import StrPath

WAL_FORMAT = "stageline.wal/1"
PRIVATE, SHARED = 0o600, 0o666
"""Modes of a log that waits on this machine, and of one in a store, whose other users read it; less the umask."""
_FOLDER_TURNS = 20


class WalHead(msgspec.Struct, frozen=True, kw_only=True):
    """Whose log this is, so that another process can ship it."""

    format: str = WAL_FORMAT
    store: str
    """URL without credentials."""
    run_id: str
    writer: str
    attempt: int = 1
    owns_end: bool = True
    """Whether this writer's death is the run's."""
    claims_id: bool = True
    """Whether the run's id has still to be claimed: False for a writer that found the run in the store."""
    pid: int
    host: str


_encode_head = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(WalHead).decode


class WriteAheadLog:
    """An open log; made by `create_wal` or `adopt_wal`.

    `append(payload)` is safe from many threads and raises `StorageFailed` if the disk did not take the record whole,
    `InvalidInput` if it is longer than `MAX_RECORD`. `append(payload, *more)` writes several records at once: they lie
    side by side, and cost one call.
    """

    def __init__(
        self, path: StrPath, descriptor: int, *, sync_each: bool = False, mode: int = PRIVATE
    ) -> None:
        self.path = path
        self._mode = mode
        self.on_detached: Callable[[], None] = _refuse_closed
        """Called by `append` when the log is closed, or was the parent's: may open another with `restart`."""
        self.begun_with = 0
        """Bytes that it was created with; 0 if another process created it."""
        self._descriptor = descriptor
        self.append, self._attach = _appender(self, sync_each)
        self._attach(descriptor)

    def restart(self, path: StrPath, head: WalHead, first: bytes | None = None) -> None:
        """Go on in a new file at `path`, with the record `first` if there is one."""
        self._descriptor = _named(path, _beginning(head, first), self._mode)
        self.path = path
        self._attach(self._descriptor)

    def sync(self) -> None:
        """Ask the disk to keep what the kernel has."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _failed(self.path, error) from error

    def close(self) -> None:
        """Let go of the file, and of the lock that says its writer lives."""
        if self._descriptor >= 0:
            self._attach(-1)
            os.close(self._descriptor)
            self._descriptor = -1

    def end(self) -> None:
        """Close it for good. `append` refers to the log and the log to it: no such circle is left to be collected."""
        self.close()
        self.append = _refuse_record


def create_wal(
    path: StrPath,
    head: WalHead,
    first: bytes | None = None,
    *more: bytes,
    sync_each: bool = False,
    mode: int = PRIVATE,
) -> WriteAheadLog:
    """Start a log at `path`, a name that nobody else uses; its folder is made if need be.

    Args:
        path: Where.
        head: What it begins with.
        first: The first record, if there is one already.
        more: Those that follow it.
        sync_each: Whether each record survives a loss of power.
        mode: Who may read and write it: `PRIVATE` or `SHARED`.
    """
    frames = _beginning(head, first) + b"".join(map(framed, more))
    log = WriteAheadLog(path, _named(path, frames, mode), sync_each=sync_each, mode=mode)
    log.begun_with = len(frames)
    return log


def _beginning(head: WalHead, first: bytes | None) -> bytes:
    return framed(_encode_head(head)) + (b"" if first is None else framed(first))


def _named(path: StrPath, frames: bytes, mode: int) -> int:
    """A new file gets its name only when it is locked and has its head, so that none is found that seems abandoned."""
    folder, _, name = os.fspath(path).rpartition("/")
    unnamed = f"{folder}/{TEMPORARY}{name}"
    try:
        descriptor = _new_file(unnamed, folder, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(descriptor, frames) != len(frames):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.rename(unnamed, path)
        except BaseException:
            os.close(descriptor)
            with suppress(FileNotFoundError):
                os.unlink(unnamed)
            raise
    except OSError as error:
        raise _failed(path, error) from error
    return descriptor


def _new_file(name: str, folder: str, mode: int) -> int:
    for _ in range(_FOLDER_TURNS):
        try:
            _make_folder(folder)
            return os.open(
                name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, mode
            )
        except FileNotFoundError:  # the store removes folders that it leaves empty
            continue
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _make_folder(folder: str) -> None:
    # As os.makedirs, which asks for each folder first; here it and the one above are new, and no other.
    above = folder.rpartition("/")[0]
    try:
        os.mkdir(above)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(above, exist_ok=True)
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise


def adopt_wal(path: StrPath) -> WriteAheadLog | None:
    """Go on with the log of a writer that died; None if it lives, or somebody else adopted the log first."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return WriteAheadLog(path, descriptor)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(descriptor)
            raise _failed(path, error) from error
    os.close(descriptor)
    return None


def decode_head(payload: bytes, what: str = "a write-ahead log") -> WalHead:
    """The head, from the payload of a log's first frame; `what` names the log in errors.

    Raises:
        Corrupt: it is no head.
        NotAllowed: the log was written by a newer version.
    """
    try:
        head = _decode_head(payload)
    except UNREADABLE as error:
        raise Corrupt(f"{what} does not begin as a write-ahead log does: {error}") from error
    check_format(head.format, WAL_FORMAT, what)
    return head


def read_tail(path: StrPath, start: int, most: int = -1) -> bytes:
    """What the file holds from offset `start` on, or the first `most` bytes of it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if most < 0:
            most = os.fstat(descriptor).st_size - start
        return _read_whole(descriptor, start, most)
    finally:
        os.close(descriptor)


def _read_whole(descriptor: int, start: int, size: int) -> bytes:
    # One call reads 2 GB at most, and fewer if a network's disk likes; none is the file's end.
    data = os.pread(descriptor, max(size, 0), start)
    while 0 < len(data) < size:
        more = os.pread(descriptor, size - len(data), start + len(data))
        if not more:
            break
        data += more
    return data


def is_written(path: StrPath) -> bool:
    """Whether a living process on this host (this one included) has the log open for writing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        raise _failed(path, error) from error
    finally:
        os.close(descriptor)
    return False


def _appender(
    log: WriteAheadLog, sync_each: bool
) -> tuple[Callable[..., None], Callable[[int], None]]:
    # Closures, not methods: `append` runs once for each logged point; attribute look-ups would add a third to its cost.
    pack, write, checksum, fsync = FRAME.pack, os.write, crc32, os.fsync
    descriptor = -1

    def append(payload: bytes, *more: bytes) -> None:
        size = len(payload)
        if size > MAX_RECORD:
            raise too_long(size)
        frame = pack(size, checksum(payload)) + payload
        if more:
            frame += b"".join(map(framed, more))
        try:
            written = write(descriptor, frame)
            if written != len(frame):
                # A torn frame stays where it is, and readers pass over it: cutting it off could cut off
                # what another thread has appended since. What is there whole must not come twice.
                frame = frame[whole_in(frame, written) :]
                if write(descriptor, frame) != len(frame):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if sync_each:
                fsync(descriptor)
        except OSError as error:
            if descriptor >= 0:
                raise _failed(log.path, error) from error
            log.on_detached()
            log.append(payload, *more)

    def attach(to: int) -> None:
        nonlocal descriptor
        descriptor = to

    return append, attach


def _refuse_record(payload: bytes, *more: bytes) -> None:
    _refuse_closed()


def _refuse_closed() -> None:
    raise StorageFailed("the run's log is closed: nothing more can be logged through this handle")


def _failed(path: StrPath, error: OSError) -> StorageFailed:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StorageFailed(
        f"can not write the log of the run at {path}: {reason}. What was logged before is kept; "
        "free some space or mend the folder's permissions, and log again"
    )
