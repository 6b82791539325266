"""The session of a remote store: opened when it is first used, anew after a fork, and when credentials are refused."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput, Unauthorized
from stageline.storage.forking import importing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.clock import Clock
    from stageline.storage.filesystem import Dialect
    from stageline.storage.options import StorageOptions
    from stageline.storage.remote_telling import Telling

# A session that was made a moment ago has the newest credentials already.
_FRESH_MS = 5_000


class RemoteSession:
    """One store's file system in this process. Safe from many threads."""

    def __init__(
        self, address: str, options: StorageOptions, telling: Telling, clock: Clock
    ) -> None:
        self._address = address
        self._options = options
        self._telling = telling
        self._clock = clock
        self._lock = Lock()
        self._pid = os.getpid()
        self._dialect: Dialect | None = None
        self._opened_ms = 0
        self._abandoned: list[Dialect] = []

    def opened(self) -> Dialect:
        """What speaks to the store, in this process. Raises `InvalidInput`, `Unauthorized`, `StorageFailed`."""
        dialect = self._dialect
        if dialect is not None and self._pid == os.getpid():
            return dialect
        if self._pid != os.getpid():
            # The parent's sessions and locks are of no use here, and must not be closed either.
            self._pid, self._lock, self._dialect = os.getpid(), Lock(), None
            self._abandoned += [dialect] if dialect is not None else []
        with self._lock:
            if self._dialect is None:
                self._dialect = self._open_new()
                self._opened_ms = self._clock.now_ms()
            return self._dialect

    def renewed(self, refused: Dialect) -> bool:
        """Whether there may be newer credentials than those that were refused: then the next call looks them up."""
        with self._lock:
            if self._dialect is not refused:
                return True  # another thread has done it
            if self._clock.now_ms() - self._opened_ms < _FRESH_MS:
                return False
            self._dialect = None
        return True

    def _open_new(self) -> Dialect:
        options = self._looked_up()
        try:
            with importing():
                # Late: fsspec costs 0.15 s of CPU to import, s3fs a second.
                from stageline.storage.filesystem import open_filesystem

                return open_filesystem(self._address, options)
        except (ImportError, ValueError, TypeError, KeyError) as error:
            raise InvalidInput(
                self._telling.clean(f"can not open {self._telling.url}: {error}")
            ) from self._telling.cause(error)
        except Exception as error:  # some backends connect at once
            raise self._telling.told("open", "", error) from self._telling.cause(error)

    def _looked_up(self) -> Mapping[str, Any]:
        if not callable(self._options):
            return self._options
        try:
            options = self._options()
        except Exception as error:  # whoever keeps the credentials raises classes of their own
            raise Unauthorized(
                f"could not look up the credentials for {self._telling.url}: {type(error).__name__}: {error}"
            ) from error
        self._telling.learn(options)
        return options
