"""A journal whose entries each hold one whole document: read what stands, append what is decided on it."""

from __future__ import annotations

import random
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.ids import new_txn
from stageline.errors import Conflict, NotAllowed
from stageline.storage import layout
from stageline.storage.journal import Journal
from stageline.storage.probe import create_is_exclusive, ensure_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

TURNS = 50
"""A writer that loses so many races in a row is told so."""

Document = TypeVar("Document", bound=msgspec.Struct)


class _Standing(NamedTuple, Generic[Document]):
    number: int
    document: Document
    raw: dict[str, Any] | None


class StateJournal(Generic[Document]):
    """The entries under `folder`, of documents like `empty`, whose fields `format` and `txn` are set here.

    Safe from many threads and hosts; what was seen is not read again.
    """

    def __init__(
        self, store: ObjectStore, folder: str, empty: Document, expected: str, clock: Clock
    ) -> None:
        self.entries = Journal(store, folder, clock=clock)
        self._store = store
        self._clock = clock
        self._expected = expected
        self._folder = folder
        self._empty: _Standing[Document] = _Standing(0, empty, None)
        self._known: _Standing[Document] | None = None
        self._lock = Lock()

    def read(self) -> Document:
        """What stands now: one listing, and one get if it is news."""
        return self._read().document

    def change(self, decide: Callable[[Document], Document | None]) -> Document | None:
        """Append what `decide` makes of what stands, and again whenever somebody else was first.

        One create if nobody was. None if `decide` said so; that, and what it raises, counts only of what was just read.

        Raises:
            Conflict: so many others were first that it was given up.
            NotAllowed: the store does not refuse to create what exists.
        """
        if not create_is_exclusive(self._store):
            raise NotAllowed(
                f"{self._store.url} does not refuse to create what exists, so webhooks can not be kept there: keep "
                "the registry in S3, Google Cloud Storage, Azure or a folder"
            )
        standing = self._known
        is_fresh = False
        for turn in range(TURNS):
            if standing is None:
                standing, is_fresh = self._read(), True
            document = self._decided(decide, standing, is_fresh)
            if document is not None:
                if appended := self._append(standing, document):
                    return appended
                self._clock.sleep(random.uniform(0, min(0.01 * 2.0**turn, 1.0)))
            elif is_fresh:
                return None
            standing, is_fresh = None, False
        raise Conflict(
            f"{self._folder} in {self._store.url} is written by too many at once; try again"
        )

    def entry(self, number: int) -> Document:
        """One entry. Raises `NotFound`, `Corrupt`, and `NotAllowed` if it is newer."""
        return self._decoded(number, self.entries.read(number))[0]

    def _decided(
        self,
        decide: Callable[[Document], Document | None],
        standing: _Standing[Document],
        is_fresh: bool,
    ) -> Document | None:
        try:
            return decide(standing.document)
        except Exception:  # of what may be old news; whatever it is, it comes again on the newest
            if is_fresh:
                raise
            return None

    def _append(self, standing: _Standing[Document], document: Document) -> Document | None:
        number = standing.number + 1
        if number == 1:
            ensure_format(self._store, self._clock)
        entry = msgspec.structs.replace(document, format=self._expected, txn=new_txn())
        if not self.entries.append(number, encode_document(entry, standing.raw)):
            return None
        self._saw(_Standing(number, entry, standing.raw))
        return entry

    def _read(self) -> _Standing[Document]:
        latest = self.entries.latest()
        if latest is None:
            return self._empty
        known = self._known
        if known is not None and known.number == latest.number:
            return known
        return self._saw(_Standing(latest.number, *self._decoded(latest.number, latest.data)))

    def _decoded(self, number: int, data: bytes) -> tuple[Document, dict[str, Any]]:
        what = f"{self._folder}{layout.revision(number)} in {self._store.url}"
        return decode_document(data, type(self._empty.document), self._expected, what)

    def _saw(self, standing: _Standing[Document]) -> _Standing[Document]:
        with self._lock:
            if self._known is None or self._known.number <= standing.number:
                self._known = standing
        return standing
