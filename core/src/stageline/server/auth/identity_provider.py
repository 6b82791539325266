"""Tokens of an identity provider: whose they are, by their signature and their claims (OpenID Connect, RFC 7519)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from stageline.server.auth.issuer_keys import IssuerKeys

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from stageline.clock import Clock
    from stageline.registry.webhook_sending import Resolve
    from stageline.server.auth.issuer import Issuer
    from stageline.server.caller import Caller

LONGEST = 8192
"""Characters of a token."""
REMEMBERED_S = 60.0
"""Seconds that a token which was checked is not checked again, unless it expires before."""
MOST = 10_000

_log = logging.getLogger("stageline")


class IdentityProvider:
    """For one event loop; signatures are checked and keys fetched in `threads`."""

    def __init__(
        self, issuer: Issuer, clock: Clock, threads: Executor, resolve: Resolve | None = None
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._threads = threads
        self._keys = IssuerKeys(issuer, resolve)
        self._known: OrderedDict[bytes, tuple[Caller, float, float]] = OrderedDict()

    def recall(self, token: str) -> Caller | None:
        """Whose the token is, if it was brought lately."""
        found = self._known.get(_mark(token))
        if found is None:
            return None
        caller, until, expires = found
        in_time = time.monotonic() < until and self._clock.now_ms() / 1000 < expires
        return caller if in_time else None

    async def caller(self, token: str) -> Caller | None:
        """Whose the token is; None if it is not taken.

        Raises:
            StorageFailed: the provider's keys can not be had.
        """
        if len(token) > LONGEST or token.count(".") != 2:
            return None
        loop = asyncio.get_running_loop()
        claims = await loop.run_in_executor(self._threads, self._claims, token)
        caller = None if claims is None else self._issuer.caller(claims)
        if caller is not None and claims is not None:
            until = time.monotonic() + REMEMBERED_S
            self._known[_mark(token)] = (caller, until, claims["exp"] + self._issuer.leeway_s)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return caller

    def _claims(self, token: str) -> dict[str, Any] | None:
        from joserfc import jwt
        from joserfc.errors import JoseError

        keys = self._keys.for_token(token)
        if keys is None:
            return None
        try:
            # The list decides, not the token: a public key must never be taken for the secret of an HMAC.
            found = jwt.decode(token, keys, algorithms=list(self._issuer.algorithms))
            self._check(found.claims)
        except (JoseError, ValueError, TypeError) as error:
            # By its kind alone: the message could hold what was sent.
            _log.info("a token of %s was refused: %s", self._issuer.issuer, type(error).__name__)
            return None
        return dict(found.claims)

    def _check(self, claims: dict[str, Any]) -> None:
        from joserfc.jwt import JWTClaimsRegistry

        JWTClaimsRegistry(
            now=lambda: self._clock.now_ms() // 1000,
            leeway=self._issuer.leeway_s,
            iss={"essential": True, "value": self._issuer.issuer},
            aud={"essential": True, "value": self._issuer.audience},
            exp={"essential": True},
        ).validate(claims)


def _mark(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
