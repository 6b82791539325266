"""Any fsspec URL as a store: its verbs, repeated while that may help. How each backend does it is in `filesystem`."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar, cast

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import NotFound, StagelineError
from stageline.storage.keys import checked_data, checked_folder, checked_key
from stageline.storage.options import Patience
from stageline.storage.remote_errors import Kind, is_silence, kind_of
from stageline.storage.remote_packages import check_package
from stageline.storage.remote_session import RemoteSession
from stageline.storage.remote_telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.storage.filesystem import Dialect
    from stageline.storage.options import StorageOptions
    from stageline.storage.port import Entry

T = TypeVar("T")


class RemoteStore:
    """A store behind fsspec. Nothing is imported or sent before the first call.

    A call that fails in passing (throttled, 5xx, connection lost) is repeated with growing, jittered
    waits for as long as the `patience` says, except `create`, which `storage.commit.commit` repeats.
    Refused credentials are looked up once more, since they may have been renewed where they come from:
    `options` may be a function, which is then asked again.
    """

    def __init__(
        self,
        url: str,
        options: StorageOptions | None = None,
        patience: Patience | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        check_package(url)
        options = options or {}
        self._telling = Telling(url, {} if callable(options) else options)
        self._session = RemoteSession(url, options, self._telling, clock)
        self._patience = patience or Patience()
        self._is_reached = False
        self._clock = clock

    @property
    def url(self) -> str:
        """Where the store is, without credentials."""
        return self._telling.url

    @property
    def is_exclusive(self) -> bool | None:
        """Whether `create` is exclusive: False if this kind of store has no such thing, None if probing tells."""
        return self._session.opened().is_exclusive

    def __repr__(self) -> str:
        return f"RemoteStore({self._telling.url!r})"

    def read(self, key: str) -> bytes:
        """The whole object. Raises `NotFound`."""
        checked_key(key)
        return self._ask("read", key, lambda dialect: dialect.read(key))

    def create(self, key: str, data: bytes) -> bool:
        """Put `data` only if `key` is absent; True if this call did. Sent once."""
        checked_data(checked_key(key), data)
        return self._ask("create", key, lambda dialect: dialect.create(key, data), repeats=False)

    def replace(self, key: str, data: bytes) -> None:
        """Put `data` whether or not `key` exists."""
        checked_key(key)
        self._ask("replace", key, lambda dialect: dialect.replace(key, data))

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        """Entries under the folder `prefix`, in key order."""
        checked_folder(prefix)
        found = self._ask(
            "list", prefix, lambda dialect: dialect.list(prefix, deep=deep, limit=limit)
        )
        return sorted(found)[:limit]

    def delete(self, key: str) -> None:
        """Remove the object; absent is fine."""
        checked_key(key)
        try:
            self._ask("delete", key, lambda dialect: dialect.delete(key))
        except NotFound:
            return

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """A stream. Reading raises `NotFound`; what is written appears when the stream is closed."""
        from stageline.storage.remote_streams import RemoteReader, RemoteWriter

        checked_key(key)
        if mode == "wb":
            translate = partial(self._telling.told, "write", key)
            return cast(
                "BinaryIO",
                self._ask("write", key, lambda dialect: RemoteWriter(dialect, key, translate)),
            )
        inner = self._ask("read", key, lambda dialect: dialect.open_read(key))
        again = partial(self._ask_again, "read", key)
        return cast("BinaryIO", RemoteReader(inner, again))

    def _ask(self, verb: str, key: str, call: Callable[[Dialect], T], *, repeats: bool = True) -> T:
        dialect = self._session.opened()
        began = time.monotonic()
        try:
            answer = call(dialect)
        except StagelineError:
            raise
        except Exception as error:  # backends raise classes of their own; `kind_of` reads them all
            self._is_reached = self._is_reached or not is_silence(error)
            kind = kind_of(error)
            is_renewed = kind is Kind.DENIED and self._session.renewed(dialect)
            took_s = time.monotonic() - began
            left_s = self._patience_s - took_s
            # A try that took so long would take as long again.
            is_worth_it = kind is Kind.PASSING and repeats and took_s < left_s
            if not (is_renewed or is_worth_it):
                self._note_silence(error, repeats)
                raise self._telling.told(verb, key, error) from self._telling.cause(error)
        else:
            self._is_reached = True
            return answer
        # Refused is not done: with new credentials even a create may be sent again.
        return self._ask_again(
            verb, key, lambda: call(self._session.opened()), left_s, repeats=repeats
        )

    @property
    def _patience_s(self) -> float:
        return self._patience.retry_for_s if self._is_reached else self._patience.reach_for_s

    def _ask_again(
        self,
        verb: str,
        key: str,
        call: Callable[[], T],
        left_s: float | None = None,
        *,
        repeats: bool = True,
    ) -> T:
        # Late, because waiting is rare and tenacity is slow to import.
        from stageline.storage.retrying import retried

        try:
            return retried(
                call,
                is_passing=lambda error: repeats and kind_of(error) is Kind.PASSING,
                clock=self._clock,
                total_s=self._patience_s if left_s is None else left_s,
            )
        except StagelineError:
            raise
        except Exception as error:  # as above
            self._note_silence(error, repeats)
            raise self._telling.told(verb, key, error) from self._telling.cause(error)

    def _note_silence(self, error: Exception, repeats: bool) -> None:
        # Whoever asks next does not wait as long for nothing. What was sent once may have been bad luck.
        if repeats and is_silence(error):
            self._is_reached = False
