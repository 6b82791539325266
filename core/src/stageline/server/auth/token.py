"""A token of the server: what it is made of, what of it is stored, and what it allows. Touches nothing.

What is stored is the SHA-256 of the secret, without salt or stretching. Those slow down whoever guesses passwords that
people made up; this secret is 256 random bits, of which no guess and no table ever meets one. And a request that
logs a point takes microseconds, so what is checked at each of them has to take few.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.domain.document import readable
from stageline.errors import InvalidInput
from stageline.server.caller import EVERYTHING, RIGHTS, Caller, Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TOKEN_FORMAT = "stageline.token/1"
REVOKED_FORMAT = "stageline.token-revoked/1"
PREFIX = "stl"
"""So that whoever looks for leaked secrets knows one."""
MAX_NAME, MAX_PATTERNS, MAX_PATTERN = 100, 50, 250

_SECRET = re.compile(r"stl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a token, and may be shown of it."""

    format: str = TOKEN_FORMAT
    token_id: str
    name: str
    """Whose it is: the actor of what is done with it."""
    digest: str
    """SHA-256 of the secret, as hexadecimal digits."""
    rights: tuple[str, ...]
    experiments: tuple[str, ...] = EVERYTHING
    models: tuple[str, ...] = EVERYTHING
    created: int
    """Unix milliseconds."""
    created_by: str = ""
    expires: int | None = None
    """Unix milliseconds; None for never."""
    txn: str = ""

    @property
    def caller(self) -> Caller:
        """Whoever comes with it."""
        grant = Grant(frozenset(self.rights), self.experiments, self.models)
        return Caller(self.name, [grant], key=self.token_id)

    def document(self) -> dict[str, Any]:
        """For programs: everything but the digest."""
        hidden = ("format", "digest", "txn")
        return {name: v for name, v in msgspec.to_builtins(self).items() if name not in hidden}

    def __repr__(self) -> str:
        return f"Token({self.token_id!r}, {self.name!r})"


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """That a token is worth nothing any more."""

    format: str = REVOKED_FORMAT
    token_id: str
    time: int
    by: str = ""
    txn: str = ""


class Presented(NamedTuple):
    """A token as it was sent, taken apart."""

    token_id: str
    secret: str

    def is_of(self, token: Token) -> bool:
        """Whether the secret is this token's; takes the same time whatever the answer."""
        return hmac.compare_digest(digest_of(self.secret), token.digest)

    def __repr__(self) -> str:
        return f"Presented({self.token_id!r})"


readable(Token)
readable(Revoked)


def new_token(
    token_id: str,
    name: str,
    rights: Iterable[str],
    *,
    experiments: Sequence[str] = EVERYTHING,
    models: Sequence[str] = EVERYTHING,
    created: int,
    created_by: str = "",
    expires: int | None = None,
) -> tuple[Token, str]:
    """A token, and what is shown once: the text that its owner sends.

    Raises:
        InvalidInput: a name, right or pattern can not be, or it would have expired already.
    """
    secret = secrets.token_urlsafe(32)
    made = Token(
        token_id=token_id,
        name=_checked("name", name, MAX_NAME),
        digest=digest_of(secret),
        rights=_rights(rights),
        experiments=_patterns("experiment", experiments),
        models=_patterns("model", models),
        created=created,
        created_by=created_by,
        expires=expires,
        txn=secrets.token_hex(8),
    )
    if expires is not None and expires <= created:
        raise InvalidInput("the token would have expired before it is made: name a later time")
    return made, f"{PREFIX}_{token_id}_{secret}"


def new_token_id() -> str:
    """16 hexadecimal digits."""
    return secrets.token_hex(8)


def taken_apart(text: str) -> Presented | None:
    """What was sent, if it looks like a token.

    >>> taken_apart("hunter2") is None
    True
    """
    found = _SECRET.fullmatch(text)
    return None if found is None else Presented(found[1], found[2])


def digest_of(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _rights(given: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(given))
    wrong = [one for one in chosen if one not in RIGHTS]
    if wrong or not chosen:
        raise InvalidInput(
            f"Invalid rights {', '.join(wrong)[:100] or '(none)'}: expected some of {', '.join(RIGHTS)}"
        )
    return chosen


def _patterns(what: str, given: Sequence[str]) -> tuple[str, ...]:
    if not given or len(given) > MAX_PATTERNS:
        raise InvalidInput(f"expected 1 to {MAX_PATTERNS} patterns of {what} names: {len(given)}")
    return tuple(_checked(f"{what} pattern", one, MAX_PATTERN) for one in given)


def _checked(what: str, text: str, most: int) -> str:
    if not text.strip() or len(text) > most or not text.isprintable():
        raise InvalidInput(f"Invalid {what} {text[:most]!r}: expected 1 to {most} printable signs")
    return text
