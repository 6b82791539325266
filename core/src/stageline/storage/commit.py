"""The one way to make a decision on a store: create a key, and find out whether that worked.

An answer can be lost after its request took effect, and a client library that then asks again is told
that the key exists. So "exists" and failures are settled by reading back (docs/design/001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import NotFound, StorageFailed, Unauthorized

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

RETRIES = 4


def commit(
    store: ObjectStore,
    key: str,
    data: bytes,
    *,
    retries: int = RETRIES,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Create `key`: True if it now holds `data`, False if it holds what somebody else wrote.

    `data` must be unique to the caller (a `txn`, a writer's id), or its own bytes can not be told from
    another's. Costs one create when all goes well. Raises `StorageFailed` if the outcome is unknown
    after `retries` more tries: calling again with the same bytes settles it.
    """
    return rival(store, key, data, retries=retries, clock=clock) is None


def rival(
    store: ObjectStore,
    key: str,
    data: bytes,
    *,
    retries: int = RETRIES,
    clock: Clock = SYSTEM_CLOCK,
) -> bytes | None:
    """As `commit`, but the other's bytes where `commit` is False, and None where it is True."""
    try:
        if store.create(key, data):
            return None
        found = store.read(key)
    except Unauthorized:
        raise
    except (NotFound, StorageFailed) as error:
        # Late, because waiting is rare and tenacity costs as much CPU to import as a small run.
        from stageline.storage import settling

        found = settling.settle(store, key, data, error, retries=retries, clock=clock)
    return None if found == data else found
