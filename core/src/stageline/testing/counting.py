"""A store that counts what is asked of it, so that a request budget is a test and not a hope."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.storage.port import Entry, ObjectStore

Verb = Literal["read", "create", "replace", "list", "delete", "open"]
Calls = list[tuple[Verb, str]]

NAMES_A_PAGE = 1_000
"""Of a listing: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, `MaxKeys`."""


@dataclass
class Counts:
    """What happened: calls by verb, bytes of whole objects, and each call in order."""

    read: int = 0
    create: int = 0
    replace: int = 0
    list: int = 0
    delete: int = 0
    open: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    pages: int = 0
    """Requests that the listings are to a store that answers with a thousand names at a time, as S3 does."""
    calls: Calls = field(default_factory=lambda: Calls())

    @property
    def total(self) -> int:
        """All calls."""
        return len(self.calls)

    @property
    def puts(self) -> int:
        """Calls that put an object whole: creates and replaces."""
        return self.create + self.replace

    def by_verb(self) -> dict[str, int]:
        """Only the verbs that were used, for one plain comparison.

        >>> Counts(calls=[("list", "a/"), ("read", "a/b")]).by_verb()
        {'list': 1, 'read': 1}
        """
        return dict(Counter(verb for verb, _ in self.calls))


class CountingStore:
    """Passes everything on to `inner` and counts it. Streams count as one `open`; their bytes do not.

    >>> from stageline.storage.memory import MemoryStore
    >>> store = CountingStore(MemoryStore("memory://counting-example"))
    >>> with store.counted() as c:
    ...     created = store.create("a", b"1")
    >>> c.by_verb()
    {'create': 1}
    """

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner
        self.total = Counts()
        self._lock = Lock()
        self._counting = [self.total]

    @property
    def url(self) -> str:
        """The inner store's."""
        return self.inner.url

    @property
    def is_exclusive(self) -> bool | None:
        """What the inner store declares, if anything."""
        declared: bool | None = getattr(self.inner, "is_exclusive", None)
        return declared

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    @contextmanager
    def counted(self) -> Iterator[Counts]:
        """What happens inside the `with` block, from any thread."""
        counts = Counts()
        with self._lock:
            self._counting.append(counts)
        try:
            yield counts
        finally:
            with self._lock:
                # By identity: two blocks in which the same happened are equal.
                self._counting = [one for one in self._counting if one is not counts]

    def read(self, key: str) -> bytes:
        """Passed on."""
        self._note("read", key)
        data = self.inner.read(key)
        self._note_more(read=len(data))
        return data

    def create(self, key: str, data: bytes) -> bool:
        """Passed on."""
        self._note("create", key)
        created = self.inner.create(key, data)
        self._note_more(written=len(data) if created else 0)
        return created

    def replace(self, key: str, data: bytes) -> None:
        """Passed on."""
        self._note("replace", key)
        self.inner.replace(key, data)
        self._note_more(written=len(data))

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        """Passed on."""
        self._note("list", prefix)
        found = self.inner.list(prefix, deep=deep, limit=limit)
        self._note_more(pages=max(1, -(-len(found) // NAMES_A_PAGE)))
        return found

    def delete(self, key: str) -> None:
        """Passed on."""
        self._note("delete", key)
        self.inner.delete(key)

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """Passed on."""
        self._note("open", key)
        return self.inner.open(key, mode)

    def _note(self, verb: Verb, key: str) -> None:
        with self._lock:
            for counts in self._counting:
                counts.calls.append((verb, key))
                setattr(counts, verb, getattr(counts, verb) + 1)

    def _note_more(self, *, read: int = 0, written: int = 0, pages: int = 0) -> None:
        with self._lock:
            for counts in self._counting:
                counts.bytes_read += read
                counts.bytes_written += written
                counts.pages += pages
