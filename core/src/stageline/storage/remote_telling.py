"""A remote store's failures as our errors: each says what to do next, and none shows a secret."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from stageline.errors import NotFound, StagelineError, StorageFailed, Unauthorized
from stageline.storage.redaction import public_url, redacted, secrets_of
from stageline.storage.remote_errors import Kind, is_silence, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class Telling:
    """How the failures of one store are told: where it is, and which texts are secret."""

    def __init__(self, address: str, options: Mapping[str, Any]) -> None:
        self.url = public_url(address)
        """Where the store is, without credentials."""
        self._address = address
        self._secrets = secrets_of(address, options)

    def learn(self, options: Mapping[str, Any]) -> None:
        """What is secret in new options is so from now on."""
        # An error may still be on its way that shows the old ones.
        known = {*self._secrets, *secrets_of(self._address, options)}
        self._secrets = sorted(known, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without secrets."""
        return redacted(text, self._secrets)

    def told(self, verb: str, key: str, error: BaseException) -> StagelineError:
        """The error to raise for one that a backend raised when it was asked to `verb` the `key`."""
        where = f"{verb} {key!r} in {self.url}"
        reason = self.clean(f"{type(error).__name__}: {error}")
        kind = kind_of(error)
        if kind is Kind.ABSENT and verb in ("read", "delete"):
            return NotFound(f"no object {key!r} in {self.url}")
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

    def cause(self, error: BaseException) -> BaseException | None:
        """What to raise it from: the error, unless it or what is behind it would show a secret."""
        texts = chain.from_iterable((str(link), repr(link)) for link in _links(error))
        shown = "\n".join(texts)
        return None if any(secret in shown for secret in self._secrets) else error


def _links(error: BaseException) -> list[BaseException]:
    links = [error]
    while (link := links[-1].__cause__ or links[-1].__context__) and link not in links:
        links.append(link)
    return links
