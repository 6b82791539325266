"""Any fsspec URL as a store: retries, credentials and forks. How each backend does it is in `filesystem`."""

from __future__ import annotations

import os
import time
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeVar, cast

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import InvalidInput, NotFound, StagelineError, StorageFailed, Unauthorized
from stageline.storage.forking import importing
from stageline.storage.keys import checked_data, checked_folder, checked_key
from stageline.storage.options import Patience
from stageline.storage.redaction import public_url, redacted, secrets_of
from stageline.storage.remote_errors import Kind, is_silence, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stageline.storage.filesystem import Dialect
    from stageline.storage.options import StorageOptions
    from stageline.storage.port import Entry

T = TypeVar("T")

_PACKAGES = {
    "s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"), "abfs": ("adlfs", "azure"), "abfss": ("adlfs", "azure"),
}  # fmt: skip
# Before it, these three take the condition for an unknown option, drop it, and overwrite.
_EXCLUSIVE_SINCE = (2024, 12)
# A session that was made a moment ago has the newest credentials already.
_FRESH_MS = 5_000


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
        _check_package(url)
        self._address = url
        self._options = options or {}
        self._url = public_url(url)
        self._secrets = secrets_of(url, {} if callable(self._options) else self._options)
        self._patience = patience or Patience()
        self._is_reached = False
        self._clock = clock
        self._lock = Lock()
        self._pid = os.getpid()
        self._dialect: Dialect | None = None
        self._opened_ms = 0
        self._abandoned: list[Dialect] = []

    @property
    def url(self) -> str:
        """Where the store is, without credentials."""
        return self._url

    @property
    def is_exclusive(self) -> bool | None:
        """Whether `create` is exclusive: False if this kind of store has no such thing, None if probing tells."""
        return self._opened().is_exclusive

    def __repr__(self) -> str:
        return f"RemoteStore({self._url!r})"

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
            translate = partial(self._told, "write", key)
            return cast(
                "BinaryIO",
                self._ask("write", key, lambda dialect: RemoteWriter(dialect, key, translate)),
            )
        inner = self._ask("read", key, lambda dialect: dialect.open_read(key))
        again = partial(self._ask_again, "read", key)
        return cast("BinaryIO", RemoteReader(inner, again))

    def _ask(self, verb: str, key: str, call: Callable[[Dialect], T], *, repeats: bool = True) -> T:
        dialect = self._opened()
        began = time.monotonic()
        try:
            answer = call(dialect)
        except StagelineError:
            raise
        except Exception as error:  # backends raise classes of their own; `kind_of` reads them all
            self._is_reached = self._is_reached or not is_silence(error)
            kind = kind_of(error)
            is_renewed = kind is Kind.DENIED and self._renewed(dialect)
            took_s = time.monotonic() - began
            left_s = self._patience_s - took_s
            # A try that took so long would take as long again.
            is_worth_it = kind is Kind.PASSING and repeats and took_s < left_s
            if not (is_renewed or is_worth_it):
                self._note_silence(error, repeats)
                raise self._told(verb, key, error) from self._cause(error)
        else:
            self._is_reached = True
            return answer
        # Refused is not done: with new credentials even a create may be sent again.
        return self._ask_again(verb, key, lambda: call(self._opened()), left_s, repeats=repeats)

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
            raise self._told(verb, key, error) from self._cause(error)

    def _note_silence(self, error: Exception, repeats: bool) -> None:
        # Whoever asks next does not wait as long for nothing. What was sent once may have been bad luck.
        if repeats and is_silence(error):
            self._is_reached = False

    def _opened(self) -> Dialect:
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

    def _open_new(self) -> Dialect:
        options = self._looked_up()
        try:
            with importing():
                # Late: fsspec costs 0.15 s of CPU to import, s3fs a second.
                from stageline.storage.filesystem import open_filesystem

                return open_filesystem(self._address, options)
        except (ImportError, ValueError, TypeError, KeyError) as error:
            raise InvalidInput(
                redacted(f"can not open {self._url}: {error}", self._secrets)
            ) from self._cause(error)
        except Exception as error:  # some backends connect at once
            raise self._told("open", "", error) from self._cause(error)

    def _looked_up(self) -> Mapping[str, Any]:
        if not callable(self._options):
            return self._options
        try:
            options = self._options()
        except Exception as error:  # whoever keeps the credentials raises classes of their own
            raise Unauthorized(
                f"could not look up the credentials for {self._url}: {type(error).__name__}: {error}"
            ) from error
        # An error may still be on its way that shows the old ones.
        known = {*self._secrets, *secrets_of(self._address, options)}
        self._secrets = sorted(known, key=len, reverse=True)
        return options

    def _renewed(self, refused: Dialect) -> bool:
        with self._lock:
            if self._dialect is not refused:
                return True  # another thread has done it
            if self._clock.now_ms() - self._opened_ms < _FRESH_MS:
                return False
            self._dialect = None
        return True

    def _told(self, verb: str, key: str, error: BaseException) -> StagelineError:
        where = f"{verb} {key!r} in {self._url}"
        reason = redacted(f"{type(error).__name__}: {error}", self._secrets)
        kind = kind_of(error)
        if kind is Kind.ABSENT and verb in ("read", "delete"):
            return NotFound(f"no object {key!r} in {self._url}")
        if kind is Kind.DENIED:
            return Unauthorized(
                f"could not {where}: the store refused the credentials ({reason}). They are missing, "
                "wrong or expired, or lack the permission: renew them where this process takes them from"
            )
        if kind is Kind.NO_BUCKET:
            return StorageFailed(
                f"could not {where}: its bucket does not exist ({reason}). Create it, or mend the URL"
            )
        if is_silence(error):
            return StorageFailed(
                f"could not {where}: nothing answers there ({reason}). Check the endpoint, its port, the "
                "network and any proxy; STAGELINE_REACH_FOR_S=60 waits longer for a store that is about to start"
            )
        if kind is Kind.PASSING:
            return StorageFailed(
                f"could not {where}: the store is busy or can not be reached ({reason}). "
                "Check the endpoint and the network, then try again"
            )
        return StorageFailed(f"could not {where}: {reason}")

    def _cause(self, error: BaseException) -> BaseException | None:
        texts = chain.from_iterable((str(link), repr(link)) for link in _links(error))
        shown = "\n".join(texts)
        return None if any(secret in shown for secret in self._secrets) else error


def _links(error: BaseException) -> list[BaseException]:
    links = [error]
    while (link := links[-1].__cause__ or links[-1].__context__) and link not in links:
        links.append(link)
    return links


def _check_package(url: str) -> None:
    protocol = url.partition("::")[0].partition("://")[0]
    package, extra = _PACKAGES.get(protocol, ("", ""))
    if package:
        if find_spec(package) is None:
            raise InvalidInput(
                f"{protocol}:// needs the package {package}: pip install 'stageline[{extra}]'"
            )
        found = version(package)
        if tuple(int(part) for part in found.split(".")[:2]) < _EXCLUSIVE_SINCE:
            raise InvalidInput(
                f"{package} {found} overwrites where it should create; at least "
                f"{'.'.join(map(str, _EXCLUSIVE_SINCE))} is needed: pip install -U 'stageline[{extra}]'"
            )
        return
    from fsspec.registry import get_filesystem_class  # rare protocols only, so its cost is theirs

    try:
        get_filesystem_class(protocol)
    except ValueError as error:
        raise InvalidInput(
            f"{protocol}:// is no protocol that fsspec knows: a store is a path, or a URL such as "
            "'s3://bucket/prefix', 'gs://bucket/prefix', 'abfs://container/prefix' or 'memory://name'"
        ) from error
    except ImportError as error:
        raise InvalidInput(f"{protocol}:// needs another package: {error}") from error
