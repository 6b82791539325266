"""The public keys of an identity provider: fetched when they are needed, kept, and fetched again when they change."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain.webhook_target import parse_reach
from stageline.errors import InvalidInput, StorageFailed
from stageline.registry.webhook_sending import Sender

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from stageline.registry.webhook_sending import Resolve
    from stageline.server.auth.issuer import Issuer

FRESH_S = 600.0
"""Seconds after which keys are fetched again: one that the provider withdrew is not taken for longer."""
AWAY_S = 24 * 3600.0
"""The same while the provider does not answer."""
AGAIN_S = 15.0
"""Seconds between two fetches, whatever key a token names: or anybody could make us ask the provider all the time."""
MOST_BYTES = 256 << 10
MOST_KEYS = 50
TIMEOUT_S = 5.0
_KINDS = ("RSA", "EC", "OKP")

_log = logging.getLogger("stageline")


class IssuerKeys:
    """Safe from many threads. Addresses are checked and pinned as those of webhooks (docs/design/005)."""

    def __init__(self, issuer: Issuer, resolve: Resolve | None = None) -> None:
        self._issuer = issuer
        reach = parse_reach(issuer.allow, http=issuer.http)
        self._sender = Sender(reach, timeout_s=TIMEOUT_S, resolve=resolve)
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._fetched = -AWAY_S
        self._tried = -AGAIN_S

    def for_token(self, token: str) -> KeySet | None:
        """The keys to check a token with; None if it names one that is not among them.

        Raises:
            StorageFailed: there are none yet, and they can not be fetched.
        """
        key_id = _key_id(token)
        with self._lock:
            now = time.monotonic()
            age_s = now - self._fetched
            is_there = self._keys is not None and _has(self._keys, key_id)
            if (age_s > FRESH_S or not is_there) and now - self._tried >= AGAIN_S:
                self._tried = now
                self._fetch(now)
            if self._keys is None or time.monotonic() - self._fetched > AWAY_S:
                raise StorageFailed("the keys of the identity provider can not be fetched")
            return self._keys if _has(self._keys, key_id) else None

    def _fetch(self, now: float) -> None:
        try:
            address = self._issuer.jwks_uri or self._discovered()
            self._keys = _key_set(self._got(address))
            self._fetched = now
        except InvalidInput as error:  # the old ones stand; the message holds nothing of a token
            _log.warning("the keys of %s can not be fetched: %s", self._issuer.issuer, error)

    def _discovered(self) -> str:
        address = f"{self._issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._got(address)
        if found.get("issuer") != self._issuer.issuer:  # OpenID Connect Discovery 1.0, 4.3
            raise InvalidInput(f"{address} speaks of another issuer than {self._issuer.issuer}")
        where = found.get("jwks_uri")
        if not isinstance(where, str):
            raise InvalidInput(f"{address} does not say where the keys are")
        return where

    def _got(self, address: str) -> dict[str, Any]:
        answer = self._sender.get(address, most=MOST_BYTES + 1)
        if not answer.is_success:
            raise InvalidInput(_in_our_words(answer.error) or f"the answer is {answer.status}")
        if len(answer.body) > MOST_BYTES:
            raise InvalidInput(f"the answer is longer than {MOST_BYTES} bytes")
        try:
            return msgspec.json.decode(answer.body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput("the answer is no JSON object") from error


def _in_our_words(error: str) -> str:
    """What is said of webhooks, said of this: the same rules, set elsewhere."""
    for theirs, ours in (
        ("Invalid webhook URL", "the address is refused"),
        ("STAGELINE_WEBHOOK_ALLOW", "`allow` in the provider's file"),
        ("STAGELINE_WEBHOOK_HTTP=1", "`http = true` in the provider's file"),
    ):
        error = error.replace(theirs, ours)
    return error


def _key_set(document: dict[str, Any]) -> KeySet:
    """The keys for signatures among those of a document; what can not be read is left out."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    given = document.get("keys")
    found = []
    for one in given[:MOST_KEYS] if isinstance(given, list) else []:
        if isinstance(one, dict) and one.get("kty") in _KINDS and one.get("use", "sig") == "sig":
            try:
                found.append(JWKRegistry.import_key(one))
            except (JoseError, ValueError, TypeError):
                _log.warning("a key of the identity provider can not be read and is left out")
    if not found:
        raise InvalidInput("there is no key for signatures")
    return KeySet(found)


def _key_id(token: str) -> str | None:
    """What the token's head says; who trusts it only chooses among the provider's own keys."""
    head = token.partition(".")[0]
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (msgspec.MsgspecError, binascii.Error, UnicodeError, ValueError, RecursionError):
        return None
    kid = found.get("kid") if isinstance(found, dict) else None
    return kid if isinstance(kid, str) else None


def _has(keys: KeySet, key_id: str | None) -> bool:
    if key_id is None:
        return len(keys.keys) == 1
    return any(one.kid == key_id for one in keys.keys)
