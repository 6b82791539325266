"""Whether a store really refuses to create what exists, and the document in which that is noted.

Some servers accept the condition on a request and ignore it (docs/design/001). Nothing here runs when a
store is opened or logged to: only what must be exclusive asks, once per process and URL.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.domain.document import readable
from stageline.errors import Corrupt, NotAllowed, NotFound
from stageline.storage.commit import commit
from stageline.storage.layout import FORMAT_KEY

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

FORMAT_NAME = "stageline.store"
FORMAT_MAJOR = 1
PROBES = "_probe/"


class StoreFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What a store says of itself, in `_format.json`; written once."""

    format: str
    created_ms: int
    create_only: bool
    hash: str = "sha256"


_lock = Lock()
_known: dict[str, StoreFormat] = {}
_exclusive: dict[str, bool] = {}


def create_is_exclusive(store: ObjectStore) -> bool:
    """Whether `create` has at most one winner here. Asks the store at most once per process and URL.

    One read where `_format.json` tells; else as `probe` does. Raises `StorageFailed` if the store is away.
    """
    known = _exclusive.get(store.url)
    if known is None:
        stored = read_format(store)
        known = stored.create_only if stored is not None else probe(store)
        _exclusive[store.url] = known
    return known


def probe(store: ObjectStore) -> bool:
    """Find out by creating one key twice: two creates, a read, a delete. No request if the adapter knows."""
    declared: bool | None = getattr(store, "is_exclusive", None)
    if declared is not None:
        return declared
    key = f"{PROBES}{os.urandom(8).hex()}"
    first, second = os.urandom(8).hex().encode(), os.urandom(8).hex().encode()
    commit(store, key, first)
    try:
        return not store.create(key, second) and store.read(key) == first
    finally:
        store.delete(key)


def read_format(store: ObjectStore) -> StoreFormat | None:
    """What the store says of itself, or None if it says nothing yet.

    Raises `NotAllowed` if a newer Stageline wrote it, and `Corrupt` if it is something else.
    """
    known = _known.get(store.url)
    if known is not None:
        return known
    try:
        data = store.read(FORMAT_KEY)
    except NotFound:
        return None
    with _lock:
        return _known.setdefault(store.url, _decoded(store, data))


def ensure_format(store: ObjectStore, clock: Clock = SYSTEM_CLOCK) -> StoreFormat:
    """What the store says of itself, after writing it if nobody has. Raises as `read_format` does."""
    found = read_format(store)
    if found is not None:
        return found
    ours = StoreFormat(
        format=f"{FORMAT_NAME}/{FORMAT_MAJOR}", created_ms=clock.now_ms(), create_only=probe(store)
    )
    commit(store, FORMAT_KEY, msgspec.json.encode(ours), clock=clock)
    return read_format(store) or ours


def _decoded(store: ObjectStore, data: bytes) -> StoreFormat:
    where = f"{FORMAT_KEY} in {store.url}"
    try:
        found = msgspec.json.decode(data, type=readable(StoreFormat))
        name, _, major = found.format.partition("/")
        is_newer = int(major) > FORMAT_MAJOR
    except (msgspec.MsgspecError, ValueError) as error:
        raise Corrupt(f"{where} is not what Stageline writes: {error}. Is this a store?") from error
    if name != FORMAT_NAME:
        raise Corrupt(
            f"{where} names the format {found.format!r}, not {FORMAT_NAME!r}: not a store"
        )
    if is_newer:
        raise NotAllowed(
            f"{store.url} was written by a newer Stageline: its format is {found.format!r}, and this "
            f"version reads up to {FORMAT_NAME}/{FORMAT_MAJOR}. Upgrade: pip install -U stageline"
        )
    return found
