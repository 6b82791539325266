"""A folder as a store: temporary files, hard links and `scandir`, by the standard library alone.

fsspec's local file system is not used: its exclusive "create" is a check followed by a write, which
two processes can both pass, and importing it costs more CPU than a whole small run.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar, cast

from stageline.errors import NotAllowed, NotFound, StorageFailed
from stageline.storage.atomic import NEW, discard, link, new_temporary, sync_folder, write_out
from stageline.storage.keys import checked_data, checked_folder, checked_key
from stageline.storage.local_listing import entries
from stageline.storage.os_errors import ABSENT, local_failure
from stageline.storage.staged import StagedWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer

    from stageline.storage.port import Entry

Durability = Literal["os", "fsync"]
T = TypeVar("T")

_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
# A folder that somebody keeps removing is a fault, not a race, after so many turns.
_FOLDER_TURNS = 20
# Only artifacts have paths that somebody outside may choose, so only there are folders checked for links.
_ARTIFACTS = "/artifacts/"


class LocalStore:
    """Objects are files under `root`. Folders are made when needed and removed when the last object goes.

    `durability="os"`: what a call wrote survives the death of the process, and after a loss of power a
    created object is whole or absent. `"fsync"`: it also survives the loss of power.

    Symbolic links in the store are not objects: they are not listed, and not followed out of the store.
    """

    is_exclusive: bool | None = True
    """`create` has at most one winner, also on file systems without hard links: no need to probe."""

    def __init__(self, root: Path, durability: Durability = "os") -> None:
        self.url = os.path.abspath(root)
        """The absolute path of the root."""
        self._base = self.url.rstrip(os.sep) + os.sep
        self._syncs = durability == "fsync"

    def __repr__(self) -> str:
        return f"LocalStore({self.url!r})"

    def path(self, key: str) -> Path:
        """Where the object lies: for what appends to a file, or hands one to another program."""
        return Path(self._inside(key))

    def read(self, key: str) -> bytes:
        """The whole object. Raises `NotFound`."""
        with self.open(key, "rb") as stream:
            try:
                return stream.read()
            except OSError as error:
                raise local_failure("read", self._base + key, error) from error

    def create(self, key: str, data: bytes) -> bool:
        """Put `data` only if `key` is absent; True if this call did. The content is synced before it is named."""
        checked_data(key, data)
        path = self._inside(key)
        try:
            temporary = self._temporary(path, data, syncs=True)
            try:
                created = link(temporary, path)
            finally:
                discard(temporary)
            if created is None:
                created = self._name_and_fill(path, data, syncs=True)
            if created and self._syncs:
                sync_folder(path)
        except OSError as error:
            raise local_failure("create", path, error) from error
        return created

    def claim(self, key: str, data: bytes) -> bool:
        """As `create`, at half the cost, for what says nothing that is not said elsewhere.

        A reader may find it empty: for a moment, or for good if power or this process was lost in that moment.
        """
        checked_data(key, data)
        path = self._inside(key)
        try:
            created = self._name_and_fill(path, data, syncs=self._syncs)
            if created and self._syncs:
                sync_folder(path)
        except OSError as error:
            raise local_failure("create", path, error) from error
        return created

    def alias(self, key: str, other: str) -> bool:
        """Give the object `key` the name `other` too, until that is replaced; False where there are no hard links.

        An object that is there already is no error: it stays, and the answer is False.
        """
        path, named = self._inside(key), self._inside(other)
        try:
            done = self._in_folder(named, lambda: link(path, named))
            if done and self._syncs:
                sync_folder(named)
        except OSError as error:
            raise local_failure("link", named, error) from error
        return bool(done)

    def replace(self, key: str, data: bytes) -> None:
        """Put `data` whether or not `key` exists; a reader sees the old content or the new."""
        path = self._inside(key)
        try:
            temporary = self._temporary(path, data, syncs=self._syncs)
            self._publish(temporary, path)
        except OSError as error:
            raise local_failure("write", path, error) from error

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        """Entries under the folder `prefix`, in key order."""
        folder = self._base + checked_folder(prefix)
        if "artifacts/" in prefix:
            self._refuse_links(folder, prefix)
        try:
            return list(islice(entries(folder, prefix, deep=deep), limit))
        except OSError as error:
            raise local_failure("list", folder, error) from error

    def delete(self, key: str) -> None:
        """Remove the object, and the folders that it leaves empty; absent is fine."""
        path = self._inside(key)
        try:
            os.unlink(path)
        except OSError as error:
            if error.errno in ABSENT or os.path.isdir(path):
                return
            raise local_failure("delete", path, error) from error
        self._prune(os.path.dirname(path))

    def unlink(self, key: str) -> None:
        """Remove the object, and leave its folder as it is: for one that others are known to lie beside."""
        path = self._inside(key)
        try:
            os.unlink(path)
        except OSError as error:
            if error.errno not in ABSENT:
                raise local_failure("delete", path, error) from error

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """A stream. Reading raises `NotFound`; what is written appears when the stream is closed."""
        path = self._inside(key)
        try:
            if mode == "rb":
                return open(path, "rb", opener=_open_no_link)
            temporary, descriptor = self._in_folder(path, lambda: new_temporary(path))
        except OSError as error:
            if mode == "rb" and error.errno in (*ABSENT, errno.EISDIR):
                raise NotFound(f"no object {key!r} in {self.url}") from error
            if error.errno == errno.ELOOP:
                raise NotAllowed(_link_refused(key, self.url)) from error
            raise local_failure("open", path, error) from error
        return cast("BinaryIO", _LocalWriter(self, temporary, path, descriptor))

    def _inside(self, key: str) -> str:
        path = self._base + checked_key(key)
        if _ARTIFACTS in key:
            self._refuse_links(os.path.dirname(path), key)
        return path

    def _refuse_links(self, folder: str, key: str) -> None:
        real = os.path.realpath(folder) + os.sep
        if not real.startswith(os.path.realpath(self.url).rstrip(os.sep) + os.sep):
            raise NotAllowed(_link_refused(key, self.url))

    def _in_folder(self, path: str, make: Callable[[], T]) -> T:
        for _ in range(_FOLDER_TURNS):
            try:
                return make()
            except FileNotFoundError:
                # The folder is missing, or another process removed it as empty between the two calls.
                with suppress(FileNotFoundError):
                    self._make_folder(os.path.dirname(path))
        raise StorageFailed(f"could not write {path}: its folder is removed as often as it is made")

    def _make_folder(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        while self._syncs and len(folder) > len(self.url):
            sync_folder(folder)  # the entry of each new folder in the one above
            folder = os.path.dirname(folder)

    def _temporary(self, path: str, data: bytes, *, syncs: bool) -> str:
        temporary, descriptor = self._in_folder(path, lambda: new_temporary(path))
        try:
            write_out(descriptor, data, syncs=syncs)
        except BaseException:
            discard(temporary)
            raise
        return temporary

    def _publish(self, temporary: str, path: str) -> None:
        try:
            os.replace(temporary, path)
        except BaseException:
            discard(temporary)
            raise
        if self._syncs:
            sync_folder(path)

    def _name_and_fill(self, path: str, data: bytes, *, syncs: bool) -> bool:
        # The one way without hard links: exFAT and some FUSE, SMB and overlay mounts. Exclusive, but a reader may see
        # a part of it.
        try:
            descriptor = self._in_folder(path, lambda: os.open(path, NEW, 0o666))
        except FileExistsError:
            return False
        try:
            write_out(descriptor, data, syncs=syncs)
        except BaseException:
            discard(path)
            raise
        return True

    def _prune(self, folder: str) -> None:
        with suppress(OSError):  # not empty, or gone already
            while len(folder) > len(self.url):
                os.rmdir(folder)
                folder = os.path.dirname(folder)


class _LocalWriter(StagedWriter):
    def __init__(self, store: LocalStore, temporary: str, path: str, descriptor: int) -> None:
        self._store = store
        self._temporary = temporary
        self._path = path
        self._file = os.fdopen(descriptor, "wb")

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise local_failure("write", self._path, error) from error

    def fileno(self) -> int:
        """The descriptor of the unfinished file, for `copy_file_range`; `write` is buffered beside it."""
        self._file.flush()
        return self._file.fileno()

    def _publish(self) -> None:
        try:
            self._file.flush()
            if self._store._syncs:
                os.fsync(self._file.fileno())
            self._file.close()
            self._store._publish(self._temporary, self._path)
        except OSError as error:
            raise local_failure("write", self._path, error) from error

    def _discard(self) -> None:
        with suppress(OSError):  # a full disk fails once more when the buffer is flushed
            self._file.close()
        discard(self._temporary)


def _open_no_link(path: str, flags: int) -> int:
    del flags
    return os.open(path, _READ)


def _link_refused(key: str, root: str) -> str:
    return f"{key!r} leads over a symbolic link out of the store {root}: put a copy there instead of a link"
