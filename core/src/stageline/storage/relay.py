"""Objects from one store to another: streamed in bounded memory, hashed on the way."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stageline.errors import Corrupt, NotFound
from stageline.storage.transfer import CHUNK, Digest, Progress, digest_of

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore


def relay_object(
    source: ObjectStore,
    key: str,
    target: ObjectStore,
    target_key: str,
    expected: Digest | None,
    size: int,
    *,
    progress: Progress | None = None,
) -> Digest:
    """Copy an object of about `size` bytes; the digest is that of what was stored.

    Raises:
        NotFound: there is no such object.
        Corrupt: it is not what was expected (None expects nothing); the target is as it was.
    """
    if size <= CHUNK:
        data = source.read(key)
        _check(source, key, expected, digest_of(data))
        target.replace(target_key, data)
        if progress:
            progress(len(data))
        return digest_of(data)
    digest, count = hashlib.sha256(), 0
    with source.open(key, "rb") as reader, target.open(target_key, "wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
            count += len(chunk)
            if progress:
                progress(len(chunk))
        # Inside: a stream that is left by an exception stores nothing.
        _check(source, key, expected, (digest.hexdigest(), count))
    return digest.hexdigest(), count


def holds(store: ObjectStore, key: str, expected: Digest) -> bool:
    """Whether the object is just what is expected; reads it all."""
    digest, count = hashlib.sha256(), 0
    try:
        with store.open(key, "rb") as reader:
            while chunk := reader.read(CHUNK):
                digest.update(chunk)
                count += len(chunk)
    except NotFound:
        return False
    return (digest.hexdigest(), count) == expected


def _check(store: ObjectStore, key: str, expected: Digest | None, found: Digest) -> None:
    if expected is not None and found != expected:
        raise Corrupt(
            f"{key} in {store.url} is not what was logged: expected {expected[1]} bytes with SHA-256 {expected[0]}, "
            f"found {found[1]} bytes with SHA-256 {found[0]}. Nothing of it was copied: log the file again"
        )
