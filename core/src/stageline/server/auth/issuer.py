"""An identity provider whose tokens are taken, and what their claims are worth here: read from a file of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from stageline.domain.document import readable
from stageline.errors import InvalidInput
from stageline.server.caller import EVERYTHING, RIGHTS, Caller, Grant

ASYMMETRIC = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""What an issuer can sign with that we could not sign with too. `none` and HMAC are not among them."""


class ClaimGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has a claim of this value, or with this value in its list, has these rights."""

    claim: str
    value: str
    rights: tuple[str, ...]
    experiments: tuple[str, ...] = EVERYTHING
    models: tuple[str, ...] = EVERYTHING

    def fits(self, claims: dict[str, Any]) -> bool:
        """Whether the claims say so. `a.b` is the claim `b` within `a`, unless there is one of the whole name."""
        found = _claim(claims, self.claim)
        if isinstance(found, str):
            # A list with spaces, by RFC 8693. No other claim is: somebody may be called "Ann admins".
            words = found.split(" ") if self.claim in ("scope", "scp") else [found]
            return self.value in words
        return isinstance(found, list) and self.value in found


class Issuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect provider."""

    issuer: str
    """Its URL, to the letter as tokens name it."""
    audience: str
    """Whom tokens must be meant for."""
    jwks_uri: str = ""
    """Where its keys are; empty to ask it."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    name_claim: str = "sub"
    """Which claim names the caller. One that people can change for themselves lets them pass for others."""
    grants: tuple[ClaimGrant, ...] = ()
    allow: str = ""
    """Hosts and networks, separated by commas, that keys may be fetched from though they are not public."""
    http: bool = False
    """Whether keys may be fetched by http, where whoever is between can pass for everybody."""
    leeway_s: int = 30
    """How far clocks may be apart."""

    def caller(self, claims: dict[str, Any]) -> Caller | None:
        """Who the claims say it is; None if they name nobody."""
        name = _claim(claims, self.name_claim)
        if not isinstance(name, str) or not name.strip() or len(name) > 250:
            return None
        if not name.isprintable():
            return None
        grants = [
            Grant(frozenset(one.rights), one.experiments, one.models)
            for one in self.grants
            if one.fits(claims)
        ]
        return Caller(name, grants, key=f"{self.issuer} {name}")


readable(Issuer)


def read_issuer(path: Path) -> Issuer:
    """The issuer that a TOML file describes.

    Raises:
        InvalidInput: the file can not be read, or says something that can not be.
    """
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Issuer)
    except OSError as error:
        raise InvalidInput(f"{path} can not be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} does not describe an identity provider: {error}") from error
    weak = [one for one in found.algorithms if one not in ASYMMETRIC]
    if weak or not found.algorithms:
        raise InvalidInput(
            f"{path}: algorithms may be some of {', '.join(ASYMMETRIC)}, and not {', '.join(weak) or 'none'}"
        )
    wrong = [right for one in found.grants for right in one.rights if right not in RIGHTS]
    if wrong:
        raise InvalidInput(
            f"{path}: rights may be some of {', '.join(RIGHTS)}, and not {wrong[0]!r}"
        )
    if not found.issuer or not found.audience:
        raise InvalidInput(f"{path}: issuer and audience must not be empty")
    return found


def _claim(claims: dict[str, Any], name: str) -> Any:
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found
