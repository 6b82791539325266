"""The storage port: the six verbs on which everything stands. No policy, no formats."""

from __future__ import annotations

from typing import BinaryIO, Literal, NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """One line of a listing."""

    key: str
    """Full key, with no leading slash. A folder in a shallow listing ends in `/`."""
    size: int
    """Bytes; 0 for a folder."""
    modified: float
    """Unix time in seconds by the store's own clock; 0.0 for a folder or where the store does not tell."""
    etag: str | None = None
    """Changes whenever the content does, where the store has such a thing."""


@runtime_checkable
class ObjectStore(Protocol):
    """Bytes under keys. Keys are relative POSIX paths (`runs/abc/log/start.json`).

    Every verb raises `StorageFailed` when the store does not answer, and its subclass `Unauthorized` when it
    refuses the credentials. Implementations are safe to use from many threads, and after a fork.
    """

    @property
    def url(self) -> str:
        """Where the store is; holds no credentials, so it may be shown and logged."""
        ...

    def read(self, key: str) -> bytes:
        """The whole object. Raises `NotFound`."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Put `data` (not empty) only if `key` is absent: True if this call created it, False if it exists.

        All or nothing: no reader ever sees a part. At most one of any number of racing calls gets True.
        `StorageFailed` leaves the outcome unknown; `storage.commit.commit` resolves it.
        """
        ...

    def replace(self, key: str, data: bytes) -> None:
        """Put `data` whether or not `key` exists; all or nothing. The last call to finish wins."""
        ...

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        """Entries whose key starts with `prefix` (a folder, ending in `/`, or empty), in key order.

        `deep=False` stops at the next `/` and returns folders too. `limit` returns the first so many.
        An absent folder is an empty list. Never served from a cache.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; absent is fine."""
        ...

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """A stream, for what does not fit in memory. Raises `NotFound` on reading.

        A written object appears whole when the stream is closed without an exception, and never before; leaving its
        `with` block by an exception leaves the store as it was.
        """
        ...
