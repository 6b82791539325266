"""The manifest of an experiment's index: which shards hold its runs, and which inbox entries are among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST_FORMAT = "stageline.manifest/1"

FULL_ROWS = 25_000
FULL_BYTES = 8 << 20
"""A shard of so much is left alone, so merging costs a run's bytes a few rewrites in all, not one for each fold."""

_GROWTH = 3
_MOST_COVERED = 2_000


class ShardRef(msgspec.Struct, frozen=True, kw_only=True):
    """One shard, as the manifest names it."""

    key: str
    rows: int
    bytes: int
    covers: list[str] | None = None
    """Shards and inbox names that this one was made of, in the manifest that introduces it: whoever has taken in
    all of them need not read it. None: read it."""

    @property
    def is_full(self) -> bool:
        """Whether it is never rewritten."""
        return self.rows >= FULL_ROWS or self.bytes >= FULL_BYTES


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of an index but its inbox."""

    format: str = MANIFEST_FORMAT
    txn: str
    epoch: str
    """Changes when the index is rebuilt: what a reader took in before may be void."""
    time: int
    """Unix time in milliseconds by the clock of who wrote it; for people."""
    shards: list[ShardRef] = []
    folded: dict[str, int] = {}
    """Inbox names that the shards hold -> when they were folded, in milliseconds."""

    def encoded(self) -> bytes:
        """As JSON."""
        return encode_document(self)

    def shards_without(self, dropped: Iterable[ShardRef]) -> list[ShardRef]:
        """The shards but `dropped`, as the next manifest names them: what they were made of is forgotten."""
        gone = {shard.key for shard in dropped}
        return [
            msgspec.structs.replace(shard, covers=None)
            for shard in self.shards
            if shard.key not in gone
        ]


def decode_manifest(data: bytes, what: str, shard_folder: str) -> Manifest:
    """Read a manifest whose shards lie in `shard_folder`. Raises `Corrupt`, or `NotAllowed` for a newer version."""
    manifest, _ = decode_document(data, Manifest, MANIFEST_FORMAT, what)
    for shard in manifest.shards:
        if not shard.key.startswith(shard_folder):
            raise Corrupt(f"{what} names a shard outside {shard_folder!r}: {shard.key!r}")
    return manifest


def covered(names: Iterable[str]) -> list[str] | None:
    """What to note as `ShardRef.covers`; None where noting it would cost more than reading the shard again."""
    listed = sorted(names)
    return listed if len(listed) <= _MOST_COVERED else None


def worth_merging(shards: Iterable[ShardRef], rows: int) -> list[ShardRef]:
    """Which shards to rewrite together with `rows` new runs.

    Small ones, as long as each is at most three times what is already gathered: so shard sizes grow geometrically,
    their number with the logarithm of the runs, and each run is rewritten about as often.
    """
    chosen: list[ShardRef] = []
    gathered, size = rows, 0
    for shard in sorted(shards, key=lambda shard: shard.rows):
        too_large = (
            shard.is_full or shard.rows > _GROWTH * gathered or size + shard.bytes > 2 * FULL_BYTES
        )
        if too_large:
            break
        chosen.append(shard)
        gathered += shard.rows
        size += shard.bytes
    return chosen
