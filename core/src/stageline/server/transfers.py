"""Bytes of files over HTTP in bounded memory: a body into a store, an object out to a client that may be slow."""

from __future__ import annotations

import asyncio
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stageline.errors import InvalidInput
from stageline.server.failures import Refused

if TYPE_CHECKING:
    from stageline.server.options import Limits
    from stageline.serving.asgi import Receive, Send

CHUNK = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Left(Exception):
    """The client went away before all of its body was there."""


class Inbox:
    """A file on its way in: in memory while it is small, in a private folder when it is not."""

    def __init__(self, name: str) -> None:
        self.size = 0
        self._parts: list[bytes] = []
        self._held = 0
        self._name = name
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._file: BinaryIO | None = None

    @property
    def data(self) -> bytes | None:
        """All of it; None if it lies in a file."""
        return b"".join(self._parts) if self._file is None else None

    @property
    def path(self) -> Path:
        """The file."""
        assert self._folder is not None
        return Path(self._folder.name) / self._name

    async def fill(
        self, receive: Receive, limits: Limits, threads: ThreadPoolExecutor, most: int
    ) -> None:
        """Take a body in.

        Raises:
            Refused: it is longer than `most` bytes, or its next part is too slow.
            Left: the client went away.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                message = await asyncio.wait_for(receive(), limits.body_timeout_s)
            except asyncio.TimeoutError:
                raise Refused(
                    408, "BAD_REQUEST", "The body of the request did not arrive in time."
                ) from None
            if message["type"] == "http.disconnect":
                raise Left
            chunk: bytes = message.get("body", b"")
            self.size += len(chunk)
            if self.size > most:
                raise Refused(413, "BAD_REQUEST", f"The file is longer than {most} bytes")
            self._parts.append(chunk)
            self._held += len(chunk)
            if self._held > CHUNK:
                await loop.run_in_executor(threads, self._spill)
            if not message.get("more_body", False):
                break
        if self._file is not None:
            await loop.run_in_executor(threads, self._end)

    def close(self) -> None:
        """Remove what lies on the disk."""
        if self._file is not None:
            self._file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _spill(self) -> None:
        if self._file is None:
            self._folder = tempfile.TemporaryDirectory(prefix="stageline-put-")
            self._file = self.path.open("wb")  # closed by `close`
        self._file.writelines(self._parts)
        self._parts, self._held = [], 0

    def _end(self) -> None:
        self._spill()
        assert self._file is not None
        self._file.flush()


def span_of(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and number of bytes that a Range header asks for; None for the whole, as for several ranges at once.

    Raises:
        Refused: 416, there are no such bytes.

    >>> span_of("bytes=2-3", 10), span_of("bytes=-4", 10), span_of("bytes=7-", 10), span_of(None, 10)
    ((2, 2), (6, 4), (7, 3), None)
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        first = size - count
    else:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None
        count = last - first + 1
    if count <= 0:
        raise Refused(
            416, "BAD_REQUEST", f"The file has {size} bytes: there are none in that range"
        )
    return first, count


async def pour(
    source: BinaryIO,
    first: int,
    count: int,
    send: Send,
    threads: ThreadPoolExecutor,
    patience_s: float,
) -> None:
    """Send `count` bytes of `source` from `first` on; a client that takes nothing for `patience_s` is given up.

    Raises:
        InvalidInput: there are fewer; the connection has to be closed, since its length was told.
        asyncio.TimeoutError: the client was given up.
    """
    loop = asyncio.get_running_loop()
    if first:
        await loop.run_in_executor(threads, source.seek, first)
    while count:
        chunk = await loop.run_in_executor(threads, source.read, min(CHUNK, count))
        if not chunk:
            raise InvalidInput("the file became shorter while it was sent")
        count -= len(chunk)
        await asyncio.wait_for(
            send({"type": "http.response.body", "body": chunk, "more_body": count > 0}), patience_s
        )
