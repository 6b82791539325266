"""Files and bytes into a store and out of it: streamed, hashed on the way, checked on return.

What is hashed is the very bytes that are written, so a file that changes meanwhile can not end up under another's
digest. That is why the kernel does not copy it: `copy_file_range` saves 20 ms of the 400 ms that 500 MB take.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO, cast

from stageline.errors import Conflict, Corrupt, StagelineError
from stageline.storage.local_files import appearing, files_under, open_source
from stageline.storage.os_errors import local_failure
from stageline.storage.parallel import started, together

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.storage.port import ObjectStore

CHUNK = 1 << 20
"""Bytes read at a time. A file of no more is sent in one request, which stores repeat by themselves if need be."""
BUFFERS = 3

Digest = tuple[str, int]
"""SHA-256 in hexadecimal digits, and size in bytes."""
Progress = Callable[[int], None]
"""Called with the number of bytes that have passed since its last call; never by two threads at once."""


def digest_of(data: bytes) -> Digest:
    """The digest of bytes in memory."""
    return hashlib.sha256(data).hexdigest(), len(data)


def put_bytes(store: ObjectStore, data: bytes, key: str) -> Digest:
    """Put `data` under `key`, whether or not there is an object."""
    store.replace(key, data)
    return digest_of(data)


def put_file(
    store: ObjectStore, path: Path, key: str, *, progress: Progress | None = None
) -> Digest:
    """Put a file under `key`, in bounded memory; the digest is that of what was stored.

    Raises:
        NotFound, InvalidInput: there is no such file, or it is a folder, a device or a pipe.
        Conflict: the file changed while it was read; the store is as it was.
    """
    with open_source(path) as source:
        before = os.fstat(source.fileno())
        if before.st_size <= CHUNK:
            data = _read(source, CHUNK + 1, path)
            _check_unchanged(path, before, os.fstat(source.fileno()), len(data))
            digest = put_bytes(store, data, key)
            if progress:
                progress(len(data))
            return digest
        with store.open(key, "wb") as target:
            digest = _pump(source, target.write, path, progress, most=before.st_size)
            _check_unchanged(path, before, os.fstat(source.fileno()), digest[1])
        return digest


def hash_file(path: Path) -> Digest:
    """The digest of a file, in bounded memory."""
    with open_source(path) as source:
        return _pump(source, None, path, None)


def put_files(
    store: ObjectStore, files: Mapping[str, Path], *, progress: Progress | None = None
) -> dict[str, Digest]:
    """Put several files, key -> path, some at a time. The first failure ends it, and others may be stored by then."""
    stop = threading.Event()
    told = in_turn(progress, stop)
    digests = together(
        lambda item: put_file(store, item[1], item[0], progress=told), files.items(), stop=stop
    )
    return dict(zip(files, digests, strict=True))


def put_folder(
    store: ObjectStore, folder: Path, prefix: str, *, progress: Progress | None = None
) -> dict[str, Digest]:
    """Put every file under `folder` at its own path under `prefix` (which ends in `/`); what was put, by key."""
    files = {prefix + path: file for path, file in files_under(folder).items()}
    return put_files(store, files, progress=progress)


def read_checked(store: ObjectStore, key: str, expected: Digest | None) -> bytes:
    """The object, in memory. Raises `NotFound`, and `Corrupt` unless it is what was expected; None expects nothing."""
    data = store.read(key)
    if expected is not None:
        _check_digest(store, key, expected, digest_of(data))
    return data


def fetch_file(
    store: ObjectStore,
    key: str,
    path: Path,
    expected: Digest | None,
    *,
    progress: Progress | None = None,
) -> Digest:
    """Write the object to `path`, whole or not at all, in bounded memory. The folder must exist.

    Raises:
        NotFound: there is no such object.
        Corrupt: it is not what was expected (None expects nothing); `path` is as it was.
    """
    with store.open(key, "rb") as source, appearing(path) as target:
        digest = _pump(source, target.write, f"{key} in {store.url}", progress)
        if expected is not None:
            _check_digest(store, key, expected, digest)
    return digest


def in_turn(progress: Progress | None, stop: threading.Event) -> Progress:
    """`progress` for several threads, called by one at a time; ends a transfer under way once `stop` is set."""
    lock = threading.Lock()

    def told(count: int) -> None:
        if stop.is_set():
            raise Conflict(
                "the transfer was given up, because another file of the same call failed"
            )
        if progress:
            with lock:
                progress(count)

    return told


def _pump(
    source: BinaryIO,
    write: Callable[[memoryview], int] | None,
    name: object,
    progress: Progress | None,
    most: int | None = None,
) -> Digest:
    """Read `source` to its end and write it, while another thread hashes: hashlib lets go of the interpreter.

    A source that turns out to have more than `most` bytes is left there: it may grow faster than it is read.
    """
    digest = hashlib.sha256()
    free: SimpleQueue[bytearray] = SimpleQueue()
    full: SimpleQueue[tuple[bytearray, int] | None] = SimpleQueue()
    for _ in range(BUFFERS):
        free.put(bytearray(CHUNK))

    def hash_what_comes() -> None:
        while (chunk := full.get()) is not None:
            digest.update(memoryview(chunk[0])[: chunk[1]])
            free.put(chunk[0])

    (hasher,) = started(hash_what_comes, 1) or (None,)
    size = 0
    try:
        # Only this thread fills buffers, so one that it writes is not filled again before it is written.
        while count := _read_into(source, buffer := free.get(), name):
            full.put((buffer, count))
            if hasher is None:
                full.put(None)
                hash_what_comes()
            if write is not None:
                write(memoryview(buffer)[:count])
            size += count
            if progress:
                progress(count)
            if most is not None and size > most:
                break
    finally:
        full.put(None)
        if hasher is not None:
            hasher.join()
    return digest.hexdigest(), size


def _read(source: BinaryIO, size: int, name: object) -> bytes:
    try:
        return source.read(size)
    except OSError as error:
        raise local_failure("read", str(name), error) from error


def _read_into(source: BinaryIO, buffer: bytearray, name: object) -> int:
    try:
        # Every binary stream has `readinto`; typing.BinaryIO only does not say so.
        return cast("io.BufferedIOBase", source).readinto(buffer)
    except StagelineError:
        raise
    except OSError as error:
        raise local_failure("read", str(name), error) from error


def _check_unchanged(path: Path, before: os.stat_result, after: os.stat_result, count: int) -> None:
    is_same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not is_same or count != after.st_size:
        raise Conflict(
            f"{path} changed while it was read: it had {before.st_size} bytes at first, {count} were read, and it has "
            f"{after.st_size} now. Nothing was stored: log it again once it is complete"
        )


def _check_digest(store: ObjectStore, key: str, expected: Digest, found: Digest) -> None:
    if found != expected:
        raise Corrupt(
            f"{key} in {store.url} is not what was stored: expected {expected[1]} bytes with SHA-256 {expected[0]}, "
            f"found {found[1]} bytes with SHA-256 {found[0]}. Something else wrote there: log the file again"
        )
