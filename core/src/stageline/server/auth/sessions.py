"""What a browser keeps after somebody signed in: which token it was and until when, signed; never the token."""

from __future__ import annotations

import base64
import hmac
import re

LASTS_MS = 12 * 3600 * 1000
"""A working day: then the page asks again."""

_COOKIE = re.compile(r"1\.([0-9a-f]{16})\.(\d{13})\.([A-Za-z0-9_-]{43})")


class Sessions:
    """Signs and reads cookies with a key that all workers of a server have."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("a key of at least 16 bytes")
        self._key = key

    def __repr__(self) -> str:
        return "Sessions()"

    def signed(self, token_id: str, now_ms: int) -> str:
        """The cookie of whoever came with that token."""
        ends = now_ms + LASTS_MS
        return f"1.{token_id}.{ends}.{self._mac(token_id, str(ends))}"

    def token_id(self, cookie: str, now_ms: int) -> str | None:
        """Whose cookie it is; None if it was not signed here, or has ended."""
        found = _COOKIE.fullmatch(cookie)
        if found is None or not hmac.compare_digest(self._mac(found[1], found[2]), found[3]):
            return None
        return found[1] if now_ms < int(found[2]) else None

    def _mac(self, token_id: str, ends: str) -> str:
        digest = hmac.digest(self._key, f"stageline session 1 {token_id} {ends}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
