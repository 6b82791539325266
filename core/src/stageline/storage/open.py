"""From a URL to a store: the only place that knows which adapter serves which URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from stageline.errors import InvalidInput
from stageline.storage.local import Durability, LocalStore

if TYPE_CHECKING:
    from stageline.storage.options import Patience, StorageOptions
    from stageline.storage.port import ObjectStore


def open_store(
    url: str | Path,
    options: StorageOptions | None = None,
    durability: Durability = "os",
    patience: Patience | None = None,
) -> ObjectStore:
    """The store at `url`: a path, `file://`, `memory://name`, or any URL that fsspec knows. Sends no request.

    `durability` concerns local stores, `patience` remote ones. Raises `InvalidInput` for a URL that nothing here can
    open.
    """
    text = os.fspath(url)
    if not text:
        raise InvalidInput(
            "a store needs a path or a URL, such as './mlstore' or 's3://bucket/prefix'"
        )
    if "://" not in text:
        return LocalStore(Path(text).expanduser(), durability)
    if text.startswith(("file://", "local://")):
        return LocalStore(_local_path(text), durability)
    if text.startswith("memory://"):
        from stageline.storage.memory import MemoryStore

        return MemoryStore(text)
    # Late: fsspec alone costs 0.15 s of CPU, several times a whole run on a local store.
    from stageline.storage.remote import RemoteStore

    return RemoteStore(text, options or {}, patience)


def _local_path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(
            f"{url!r} names the host {parts.netloc!r}: a path on this machine is 'file:///path'"
        )
    path = unquote(parts.path)
    # file:///C:/store has its drive after a slash.
    is_drive = os.name == "nt" and path[2:3] == ":"
    return Path(path[1:] if is_drive else path)
