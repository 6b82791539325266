"""Files at any URL, outside of a store: listed, read as streams, and written whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, cast

from stageline.errors import InvalidInput, NotFound
from stageline.storage.local import LocalStore
from stageline.storage.local_files import files_under, open_source
from stageline.storage.open import open_store
from stageline.storage.redaction import public_url, secrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.storage.port import ObjectStore

# A page of HTML is all that these have for a folder, and they would read a whole file in search of links.
_UNLISTED = ("http", "https")
# Their paths begin right after the `://`: what holds them is the next link of the chain.
_ARCHIVES = ("zip", "tar", "libarchive")


class FileAt(NamedTuple):
    """A file, and where it is."""

    url: str
    size: int
    """Bytes."""


class Files:
    """What paths and URLs name: local ones, `memory://name/path`, or any that fsspec knows. Safe from many threads.

    `options` are fsspec's storage options. Every method raises `StorageFailed` when a place does not answer.
    """

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = options or {}
        self._lock = Lock()
        self._stores: dict[str, ObjectStore] = {}

    def list(self, url: str) -> list[FileAt]:
        """The file at `url`, or all files of the folder there, at any depth, in order of their paths.

        Raises:
            NotFound: there is neither.
            InvalidInput: a local folder holds a link that leads out of it, a device or a pipe.
        """
        local = _local(url)
        if local is not None:
            return _list_local(local)
        root, key = _split(url)
        store = self._store(root)
        is_listed = url.partition("://")[0] not in _UNLISTED or url.endswith("/")
        prefix = f"{key.rstrip('/')}/" if key else ""
        entries = store.list(prefix) if is_listed else []
        found = [
            FileAt(_joined(root, entry.key), entry.size)
            for entry in entries
            if not entry.key.endswith("/")
        ]
        if found:
            return found
        if not key or url.endswith("/"):
            raise NotFound(f"there is no file in {public_url(url)}")
        with self.open(url, "rb") as stream:
            return [FileAt(url, stream.seek(0, io.SEEK_END))]

    def has(self, url: str) -> bool:
        """Whether there is a file at `url`, or a folder with a file in it."""
        try:
            return bool(self.list(url))
        except NotFound:
            return False

    def open(self, url: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """A stream. What is written appears when it is closed without an exception, and never before.

        Leaving the `with` block by an exception leaves what was there as it was. Folders are made as needed.

        Raises:
            NotFound: on reading, there is no such file.
            InvalidInput: what is there is no regular file.
        """
        local = _local(url)
        if local is None:
            root, key = _split(url)
            if not key or key.endswith("/"):
                raise InvalidInput(f"{public_url(url)} names no file: expected a path in it")
            return self._store(root).open(key, mode)
        if mode == "rb":
            return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", open_source(local))))
        # A link keeps its place, and what it leads to is replaced.
        target = Path(os.path.realpath(local))
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise InvalidInput(f"{local} is no regular file, so no file can take its place")
        return LocalStore(target.parent).open(target.name, mode)

    def remove(self, url: str) -> None:
        """Remove a file; absent is fine."""
        local = _local(url)
        if local is not None:
            LocalStore(local.parent).delete(local.name)
            return
        root, key = _split(url)
        self._store(root).delete(key)

    def _store(self, root: str) -> ObjectStore:
        with self._lock:
            if root not in self._stores:
                self._stores[root] = open_store(root, self._options)
            return self._stores[root]


def joined(folder: str, name: str) -> str:
    """The URL of a file in the folder at a URL.

    >>> joined("s3://bucket/out/", "part-00000.parquet")
    's3://bucket/out/part-00000.parquet'
    """
    return f"{folder.rstrip('/')}/{name}"


def check_without_secrets(url: str) -> str:
    """`url`, which is going to be written down. Raises `InvalidInput` if it holds a user, a password or a query."""
    if secrets_of(url, {}):
        raise InvalidInput(
            f"the URL of {public_url(url)} holds credentials, which would be written down with it: leave them out, and "
            "set them in STAGELINE_STORAGE_OPTIONS or where the backend looks for them"
        )
    return url


def _local(url: str) -> Path | None:
    if not url:
        raise InvalidInput(
            "a file needs a path or a URL, such as 'in.parquet' or 's3://bucket/in/'"
        )
    if "://" in url and not url.startswith(("file://", "local://")):
        return None
    return Path(open_store(url).url)


def _list_local(path: Path) -> list[FileAt]:
    if path.is_dir():
        found = [
            FileAt(str(path / name), file.stat().st_size)
            for name, file in files_under(path).items()
        ]
        if found:
            return found
        raise NotFound(f"there is no file in {path}")
    if not path.exists():
        raise NotFound(f"there is no file or folder {path}")
    with open_source(path) as source:
        return [FileAt(str(path), os.fstat(source.fileno()).st_size)]


def _split(url: str) -> tuple[str, str]:
    """The root that a store is opened at, and the key under it.

    >>> _split("s3://bucket/a/b.csv"), _split("zip://a/b.csv::s3://bucket/c.zip")
    (('s3://bucket', 'a/b.csv'), ('zip://::s3://bucket/c.zip', 'a/b.csv'))
    """
    if "?" in url:
        raise InvalidInput(
            f"the URL of {public_url(url)} has a query, which may hold a secret: give the URL without it, and what it "
            "says in STAGELINE_STORAGE_OPTIONS"
        )
    links = url.split("::")
    at = next(number for number, link in enumerate(links) if "://" in link)
    protocol, _, rest = links[at].partition("://")
    host, _, path = ("", "", rest) if protocol in _ARCHIVES else rest.partition("/")
    # hdfs:///path has its path on the host that the configuration names.
    links[at] = f"{protocol}://{host or ('' if protocol in _ARCHIVES else '/')}"
    return "::".join(links), path


def _joined(root: str, key: str) -> str:
    links = root.split("::")
    at = next(number for number, link in enumerate(links) if "://" in link)
    links[at] += key if links[at].endswith("/") else f"/{key}"
    return "::".join(links)
