"""A stream that becomes an object when it is closed, and leaves nothing behind when it is not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class StagedWriter(io.BufferedIOBase):
    """What `ObjectStore.open(key, "wb")` returns: adapters say how to write, publish, and discard.

    Closing publishes. Leaving the `with` block by an exception discards, and so does dropping the
    stream unclosed, because nobody said that it was complete.
    """

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Publish what was written, once."""
        if self.closed:
            return
        super().close()
        try:
            self._publish()
        except BaseException:
            self._discard()
            raise

    def abort(self) -> None:
        """Leave the store as it was."""
        if not self.closed:
            super().close()
            self._discard()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        # io.IOBase would close, and closing would publish a torn object.
        self.abort()

    def _publish(self) -> None:
        raise NotImplementedError

    def _discard(self) -> None:
        raise NotImplementedError
