"""What `commit` does when a create was not answered: read back, and create again with the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import NotFound, StorageFailed
from stageline.storage.retrying import retried

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

SETTLES_WITHIN_S = 30.0
"""Each look has the store's own patience already; no further one begins after so long."""


def settle(
    store: ObjectStore, key: str, data: bytes, failure: Exception, *, retries: int, clock: Clock
) -> bytes:
    """What `key` holds in the end. Raises `StorageFailed` if that stays unknown.

    `failure` is how the first create, or the reading after it, went wrong.
    """

    def look_and_create() -> bytes:
        try:
            return store.read(key)
        except NotFound:
            # Either the write was lost, or a rival's is still on its way (S3 answers 409).
            return data if store.create(key, data) else store.read(key)

    try:
        return retried(
            look_and_create,
            is_passing=lambda error: isinstance(error, (StorageFailed, NotFound)),
            clock=clock,
            attempts=retries + 1,
            total_s=SETTLES_WITHIN_S,
        )
    except (StorageFailed, NotFound) as error:
        raise StorageFailed(
            f"could not settle whether {key!r} was written to {store.url}: {error}. The outcome is unknown "
            "until the store answers; writing the same content again is safe"
        ) from failure
