"""A store in this process's memory, for tests and for a first look: it ends with the process."""

from __future__ import annotations

import io
import os
from bisect import bisect_left, insort
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, cast

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import InvalidInput, NotFound
from stageline.storage.keys import checked_data, checked_folder, checked_key
from stageline.storage.port import Entry
from stageline.storage.staged import StagedWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

PROTOCOL = "memory://"


class _Object(NamedTuple):
    data: bytes
    modified: float
    version: int


class _Volume:
    """The objects of one URL, and their keys in order."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.objects: dict[str, _Object] = {}
        self.keys: list[str] = []
        self.writes = 0


_volumes: dict[str, _Volume] = {}


class MemoryStore:
    """Objects in a dictionary that all stores of the same URL in this process share."""

    is_exclusive: bool | None = True
    """`create` has at most one winner: no need to probe."""

    def __init__(self, url: str = PROTOCOL, clock: Clock = SYSTEM_CLOCK) -> None:
        if not url.startswith(PROTOCOL):
            raise InvalidInput(
                f"a memory store's URL starts with {PROTOCOL!r}, as in 'memory://demo': {url!r}"
            )
        self._url = url.rstrip("/") if url != PROTOCOL else url
        self._clock = clock
        if not _volumes:
            os.register_at_fork(after_in_child=_renew_locks)
        self._volume = _volumes.setdefault(self._url, _Volume())

    @property
    def url(self) -> str:
        """`memory://` and the name."""
        return self._url

    def __repr__(self) -> str:
        return f"MemoryStore({self._url!r})"

    def clear(self) -> None:
        """Forget every object of this URL."""
        with self._volume.lock:
            self._volume.objects.clear()
            self._volume.keys.clear()

    def read(self, key: str) -> bytes:
        """The whole object. Raises `NotFound`."""
        found = self._volume.objects.get(checked_key(key))
        if found is None:
            raise NotFound(f"no object {key!r} in {self._url}")
        return found.data

    def create(self, key: str, data: bytes) -> bool:
        """Put `data` only if `key` is absent; True if this call did."""
        checked_data(key, data)
        with self._volume.lock:
            if checked_key(key) in self._volume.objects:
                return False
            self.replace(key, data)
            return True

    def replace(self, key: str, data: bytes) -> None:
        """Put `data` whether or not `key` exists."""
        volume = self._volume
        checked_key(key)
        with volume.lock:
            if key not in volume.objects:
                insort(volume.keys, key)
            volume.writes += 1
            volume.objects[key] = _Object(bytes(data), self._clock.now_ms() / 1000, volume.writes)

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        """Entries under the folder `prefix`, in key order."""
        checked_folder(prefix)
        with self._volume.lock:
            return list(islice(self._entries(prefix, deep=deep), limit))

    def delete(self, key: str) -> None:
        """Remove the object; absent is fine."""
        volume = self._volume
        with volume.lock:
            if volume.objects.pop(checked_key(key), None) is not None:
                del volume.keys[bisect_left(volume.keys, key)]

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """A stream. Reading raises `NotFound`; what is written appears when the stream is closed."""
        if mode == "rb":
            return io.BytesIO(self.read(key))
        return cast("BinaryIO", _MemoryWriter(self, checked_key(key)))

    def _entries(self, prefix: str, *, deep: bool) -> Iterator[Entry]:
        keys = self._volume.keys
        at = bisect_left(keys, prefix)
        while at < len(keys) and keys[at].startswith(prefix):
            folder, slash, _ = keys[at][len(prefix) :].partition("/")
            if slash and not deep:
                yield Entry(f"{prefix}{folder}/", 0, 0.0)
                at = bisect_left(keys, f"{prefix}{folder}0", at)  # "0" is the character after "/"
            else:
                found = self._volume.objects[keys[at]]
                yield Entry(keys[at], len(found.data), found.modified, str(found.version))
                at += 1


class _MemoryWriter(StagedWriter):
    def __init__(self, store: MemoryStore, key: str) -> None:
        self._store = store
        self._key = key
        self._buffer = io.BytesIO()

    def write(self, data: ReadableBuffer, /) -> int:
        return self._buffer.write(data)

    def _publish(self) -> None:
        self._store.replace(self._key, self._buffer.getvalue())

    def _discard(self) -> None:
        self._buffer.close()


def _renew_locks() -> None:
    # A thread that does not exist in the child may have held one when the process was forked.
    for volume in _volumes.values():
        volume.lock = RLock()
