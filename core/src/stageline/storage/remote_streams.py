"""Streams of a remote store: errors told as ours, and nothing published that was not completed."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from stageline.storage.staged import StagedWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer

    from stageline.errors import StagelineError
    from stageline.storage.filesystem import Dialect

# S3 allows 10,000 parts: with larger ones after the first thousand, an object may have half a terabyte.
_SMALL_PARTS = 1000
_LARGE_BLOCK = 64 * 2**20


class RemoteReader(io.BufferedIOBase):
    """Reads ranges; a range that fails in passing is asked for again."""

    def __init__(self, inner: BinaryIO, ask: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._inner = inner
        self._ask = ask

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        at = self._inner.tell()

        def from_there() -> bytes:
            self._inner.seek(at)
            return self._inner.read(-1 if size is None else size)

        return self._ask(from_there)

    def read1(self, size: int = -1, /) -> bytes:
        return self.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._inner.close()


class RemoteWriter(StagedWriter):
    """Uploads part after part in bounded memory."""

    def __init__(
        self, dialect: Dialect, key: str, translate: Callable[[BaseException], StagelineError]
    ) -> None:
        self._dialect = dialect
        self._key = key
        self._translate = translate
        self._name = dialect.start_write(key)
        self._inner = dialect.open_part(self._name, "wb")
        self._written = 0

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            written = self._inner.write(data)
        except Exception as error:  # each backend has its own; all are told as ours
            raise self._translate(error) from error
        self._written += written
        self._grow_parts()
        return written

    def _grow_parts(self) -> None:
        block = getattr(self._inner, "blocksize", None)
        if block and block < _LARGE_BLOCK and self._written > _SMALL_PARTS * block:
            self._inner.blocksize = _LARGE_BLOCK  # type: ignore[attr-defined]  # fsspec's own

    def _publish(self) -> None:
        try:
            self._inner.close()
            self._dialect.finish_write(self._name, self._key)
        except Exception as error:  # as above
            raise self._translate(error) from error

    def _discard(self) -> None:
        # Whatever fails here has been preceded by what is worth telling.
        with suppress(Exception):
            self._drop_inner()
        with suppress(Exception):
            self._dialect.abandon_write(self._name)

    def _drop_inner(self) -> None:
        discard = getattr(self._inner, "discard", None)
        if discard is None:
            self._inner.close()
            return
        try:
            discard()
        finally:
            # Or fsspec publishes what is left in its buffer when the object is collected.
            self._inner.closed = True  # type: ignore[misc]
