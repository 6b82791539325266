"""Cursors that a client can carry: short ones as they are, of long ones the address of where they are kept.

A cursor says of each model up to which entry it was told, and has to, since nothing orders entries of different models
but their clocks. With thousands of models that is longer than a header or an address may be. Then it becomes an object
of the store, named by its day and the digest of what it says, which every server reads; whoever goes on from it a week
later gets it under another day, and `gc` removes those of long ago.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from stageline.clock import DAY_MS
from stageline.domain.document import decode_document, encode_document
from stageline.errors import InvalidInput, NotFound
from stageline.registry.events import decode_cursor
from stageline.storage import layout

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

LONGEST = 2048
"""Characters of a cursor that is sent as it is: some 60 models. Addresses and headers of 4 KB pass everywhere."""
FRESH_DAYS = 7
POSITION_FORMAT = "stageline.feed-position/1"
_KEPT = re.compile(r"at\.(\d{1,6})\.([0-9a-f]{64})").fullmatch


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far somebody was told."""

    format: str = POSITION_FORMAT
    cursor: str


class Positions:
    """Safe from many threads, and from any number of servers: what lies under a name never changes."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def sent(self, cursor: str, since: str = "") -> str:
        """What a client is told instead of a cursor: itself, `since` if that says the same, or where it is kept now.

        Raises:
            StorageFailed: it can not be kept.
        """
        if len(cursor) <= LONGEST:
            return cursor
        day = self._clock.now_ms() // DAY_MS
        digest = hashlib.sha256(cursor.encode()).hexdigest()
        known = _KEPT(since)
        if known and known[2] == digest and day - int(known[1]) < FRESH_DAYS:
            return since
        document = encode_document(Position(cursor=cursor), None)
        self._store.create(layout.feed_position(day, digest), document)
        return f"at.{day}.{digest}"

    def read(self, sent: str) -> str:
        """The inverse of `sent`. Raises `InvalidInput`: it is no cursor, or what was kept was removed."""
        known = _KEPT(sent)
        if known is None:
            decode_cursor(sent)
            return sent
        key = layout.feed_position(int(known[1]), known[2])
        try:
            data = self._store.read(key)
        except NotFound as error:
            raise InvalidInput(
                f"The cursor {sent!r} is not known any more: such long ones are kept for a month after they were last "
                "sent. Begin with `since=now`, or from the start without it"
            ) from error
        return decode_document(data, Position, POSITION_FORMAT, key)[0].cursor
