"""fsspec, wrapped: the only module that imports it, and only once a remote store is first used.

Each dialect says how one family of file systems does what the port promises. What fsspec offers under
one name differs in exactly what matters here: whether "create" is atomic, and whether "put" is.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from fsspec.core import url_to_fs

from stageline.storage.keys import TEMPORARY
from stageline.storage.port import Entry
from stageline.storage.remote_errors import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What bounds the memory of a stream. One part of an upload, of which S3 allows 10,000 ...
WRITE_BLOCK = 8 * 2**20
# ... and one range of a read, of which fsspec holds up to five copies for a moment.
READ_BLOCK = 5 * 2**20
CONNECT_WITHIN_S = 3
"""Of one try: a lost packet is sent again after one second, and then after two more."""
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
_ETAGS = ("ETag", "etag", "generation")


def open_filesystem(url: str, options: Mapping[str, Any]) -> Dialect:
    """A fresh file system for `url`, with its own session, credentials and no caches.

    A listings cache would hide what other writers did, and a cached instance may hold expired credentials.
    """
    protocol = url.partition("::")[0].partition("://")[0]
    own: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    dialect = _DIALECTS.get(protocol, Dialect)
    fs, root = url_to_fs(url, **own, **dialect.tuned(options))
    return dialect(fs, root)


class Dialect:
    """A file system of which only the basics are known: sftp, smb, hdfs, webdav and so on.

    An object is written under another name and moved into place. Creating is a check and a move, which
    two writers can both pass: `is_exclusive` is False.
    """

    is_exclusive: bool | None = False
    """False if known not to be; None if it is as good as the server: probe it."""

    def __init__(self, fs: Any, root: str) -> None:  # fsspec has no types
        self.fs = fs
        self.root = root.rstrip("/")

    @staticmethod
    def tuned(options: Mapping[str, Any]) -> dict[str, Any]:
        """The options for the constructor of the file system."""
        return dict(options)

    def path(self, key: str) -> str:
        """A key as the file system's own path."""
        return f"{self.root}/{key}"

    def read(self, key: str) -> bytes:
        """The whole object."""
        return bytes(self.fs.cat_file(self.path(key)))

    def create(self, key: str, data: bytes) -> bool:
        """Put if absent."""
        if self.fs.exists(self.path(key)):
            return False
        self.replace(key, data)
        return True

    def replace(self, key: str, data: bytes) -> None:
        """Put."""
        name = self.start_write(key)
        try:
            with self.open_part(name, "wb") as stream:
                stream.write(data)
            self.finish_write(name, key)
        except BaseException:
            self.abandon_write(name)
            raise

    def list(self, prefix: str, *, deep: bool, limit: int | None) -> list[Entry]:
        """A listing, in no order, of at least the first `limit` keys."""
        path = self.path(prefix).rstrip("/")
        try:
            found = (
                self.fs.find(path, detail=True).values() if deep else self.fs.ls(path, detail=True)
            )
        except FileNotFoundError as error:
            if kind_of(error) is Kind.NO_BUCKET:
                raise
            return []
        return list(self._entries(prefix, found))

    def delete(self, key: str) -> None:
        """Remove."""
        self.fs.rm_file(self.path(key))

    def open_read(self, key: str) -> BinaryIO:
        """A stream of the object."""
        return cast("BinaryIO", self.fs.open(self.path(key), "rb", block_size=READ_BLOCK))

    def start_write(self, key: str) -> str:
        """The name under which a stream is written until it is complete."""
        folder, _, _ = self.path(key).rpartition("/")
        return f"{folder}/{TEMPORARY}{uuid.uuid4().hex}"

    def open_part(self, name: str, mode: Literal["wb"]) -> BinaryIO:
        """The stream for `start_write`."""
        try:
            return cast("BinaryIO", self.fs.open(name, mode))
        except FileNotFoundError:
            self.fs.makedirs(name.rpartition("/")[0], exist_ok=True)
            return cast("BinaryIO", self.fs.open(name, mode))

    def finish_write(self, name: str, key: str) -> None:
        """Let what was written under `name`, and closed, appear as `key`."""
        self.fs.mv(name, self.path(key))

    def abandon_write(self, name: str) -> None:
        """Remove what was written under `name`, if anything was."""
        try:
            self.fs.rm_file(name)
        except FileNotFoundError:
            return

    def _entries(self, prefix: str, found: Iterable[dict[str, Any]]) -> Iterable[Entry]:
        start = len(self.root.lstrip("/")) + 1 if self.root.strip("/") else 0
        for info in found:
            key = str(info["name"]).lstrip("/")[start:].rstrip("/")
            if not key.startswith(prefix) or key == prefix.rstrip("/"):
                continue
            if info.get("type") == "directory":
                yield Entry(f"{key}/", 0, 0.0)
            elif not key.rpartition("/")[2].startswith(TEMPORARY):
                yield Entry(key, int(info.get("size") or 0), _modified(info), _etag(info))


class SftpDialect(Dialect):
    """SFTP: its plain rename refuses to overwrite, and OpenSSH makes that exclusive by a hard link."""

    is_exclusive = None

    def create(self, key: str, data: bytes) -> bool:
        """Put if absent."""
        name = self.start_write(key)
        try:
            with self.open_part(name, "wb") as stream:
                stream.write(data)
            self.fs.ftp.rename(name, self.path(key))
        except OSError:
            # The protocol has one error for everything: what counts is whether the key is there.
            self.abandon_write(name)
            if self.fs.exists(self.path(key)):
                return False
            raise
        return True


class ObjectDialect(Dialect):
    """Google Cloud Storage and Azure: putting is atomic, creating is a condition on the request."""

    is_exclusive = None

    def create(self, key: str, data: bytes) -> bool:
        """Put if absent."""
        try:
            self.fs.pipe_file(self.path(key), data, mode="create")
        except Exception as error:  # each backend has its own; `kind_of` reads them all
            if kind_of(error) is Kind.TAKEN:
                return False
            raise
        return True

    def replace(self, key: str, data: bytes) -> None:
        """Put."""
        self.fs.pipe_file(self.path(key), data)

    def start_write(self, key: str) -> str:
        """The key itself: nothing appears before the upload is complete."""
        return self.path(key)

    def open_part(self, name: str, mode: Literal["wb"]) -> BinaryIO:
        """A multipart upload that starts once there is more than one block."""
        return cast("BinaryIO", self.fs.open(name, mode, block_size=WRITE_BLOCK))

    def finish_write(self, name: str, key: str) -> None:
        """Closing the stream has published it."""

    def abandon_write(self, name: str) -> None:
        """Nothing appeared."""


class S3Dialect(ObjectDialect):
    """S3 and what speaks its protocol."""

    @staticmethod
    def tuned(options: Mapping[str, Any]) -> dict[str, Any]:
        """As given, but with one request for a read, and fewer tries below ours.

        With a concurrency above one, s3fs asks for the size before each whole read.
        """
        tuned = {"max_concurrency": 1, **options}
        tuned["config_kwargs"] = {
            "retries": {"mode": "standard", "total_max_attempts": 3},
            "connect_timeout": CONNECT_WITHIN_S,
            **tuned.get("config_kwargs", {}),
        }
        return tuned

    def __init__(self, fs: Any, root: str) -> None:  # fsspec has no types
        super().__init__(fs, root)
        fs.retries = 1  # times those of botocore
        if getattr(fs, "session", self) is None:
            fs.session = _session_that_waits_for_no_leave(fs.kwargs)

    def list(self, prefix: str, *, deep: bool, limit: int | None) -> list[Entry]:
        """One request for each thousand keys, and never for more keys than `limit`."""
        bucket, start, _ = self.fs.split_path(self.path(prefix).rstrip("/"))
        # With its slash, or "runs" would also find "runs-old/".
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": f"{start}/" if start else ""}
        if not deep:
            request["Delimiter"] = "/"
        entries: list[Entry] = []
        while limit is None or len(entries) < limit:
            if limit is not None:
                request["MaxKeys"] = min(1000, limit - len(entries))
            answer = self.fs.call_s3("list_objects_v2", **request)
            entries += self._page(answer)
            if not answer.get("IsTruncated"):
                break
            request["ContinuationToken"] = answer["NextContinuationToken"]
        return entries

    def _page(self, answer: dict[str, Any]) -> Iterable[Entry]:
        _, start, _ = self.fs.split_path(self.root)
        cut = len(start) + 1 if start else 0
        for item in answer.get("Contents", ()):
            key = item["Key"][cut:]
            if key and not key.endswith("/"):  # consoles mark a folder by an empty object
                yield Entry(key, item["Size"], item["LastModified"].timestamp(), item.get("ETag"))
        for folder in answer.get("CommonPrefixes", ()):
            yield Entry(folder["Prefix"][cut:], 0, 0.0)


_DIALECTS: dict[str, type[Dialect]] = {
    "s3": S3Dialect,
    "s3a": S3Dialect,
    "gs": ObjectDialect,
    "gcs": ObjectDialect,
    "az": ObjectDialect,
    "abfs": ObjectDialect,
    "abfss": ObjectDialect,
    "sftp": SftpDialect,
    "ssh": SftpDialect,
}


def _session_that_waits_for_no_leave(given: Mapping[str, Any]) -> Any:
    """As s3fs makes one, but a put sends its body at once, rather than after the server's leave to (`100-continue`).

    aiohttp waits for that leave without end: over a connection that went silent, a put hung until the kernel gave up,
    a quarter of an hour later.
    """
    from aiobotocore.session import AioSession
    from botocore.handlers import add_expect_header

    session = AioSession(**given)
    session.unregister("before-call.s3", add_expect_header)
    return session


def _modified(info: Mapping[str, Any]) -> float:
    value = next((info[name] for name in _TIMES if info.get(name)), 0.0)
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.timestamp()
    return float(value)


def _etag(info: Mapping[str, Any]) -> str | None:
    return next((str(info[name]) for name in _ETAGS if info.get(name)), None)
