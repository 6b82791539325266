"""How a server finds out who comes, as whoever starts it chose."""

from __future__ import annotations

import os

import msgspec

from stageline.errors import InvalidInput
from stageline.server.auth.issuer import Issuer

SESSION_KEY = "STAGELINE_SESSION_KEY"
SHORTEST = 16


class AuthOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Goes to the workers over a pipe, and is never written anywhere."""

    session_key: bytes = b""
    """Signs the cookies of browsers that signed in; the same for all workers, and for replicas that share browsers."""
    issuer: Issuer | None = None
    """Who else makes tokens that are taken."""
    rate_per_s: float = 0.0
    """Requests a second of one token, in one worker, on average; 0 for any number."""
    burst: float = 100.0
    """How many of them may come at once."""

    def __repr__(self) -> str:
        issuer = self.issuer.issuer if self.issuer else None
        return f"AuthOptions(issuer={issuer!r})"


def session_key() -> bytes:
    """The key that the environment names, or one that ends with this server. Raises `InvalidInput`."""
    key = os.environ.get(SESSION_KEY, "").encode()
    if key and len(key) < SHORTEST:
        raise InvalidInput(f"{SESSION_KEY} has to have {SHORTEST} characters at least")
    return key or os.urandom(32)
