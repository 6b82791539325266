"""What a request brings to say who sends it: read from its headers, and one of each kind at most."""

from __future__ import annotations

import base64
import binascii
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stageline.serving.asgi import Scope

SESSION_COOKIE = "stageline_session"
LONGEST = 16_384
"""Bytes of a credential."""


class Credentials(NamedTuple):
    """What was sent; all empty if nothing was, `is_odd` if it can not be told what was meant."""

    token: str = ""
    """By Bearer, or the password of Basic, whoever the user is said to be."""
    session: str = ""
    """The cookie of a browser."""
    is_odd: bool = False


NOTHING = Credentials()
ODD = Credentials(is_odd=True)


def credentials_of(scope: Scope) -> Credentials:
    """What the request brings. Several headers, which each reader could take another one of, are odd."""
    found = b""
    cookies = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found:
                return ODD
            found = value
        elif name == b"cookie":
            cookies = value if not cookies else b"; ".join((cookies, value))
    if found:
        return _authorization(found)
    return _cookie(cookies) if cookies else NOTHING


def _authorization(value: bytes) -> Credentials:
    if len(value) > LONGEST:
        return ODD
    scheme, _, rest = value.partition(b" ")
    rest = rest.strip(b" ")
    kind = scheme.lower()
    try:
        if kind == b"bearer":
            return Credentials(token=rest.decode("ascii"))
        if kind == b"basic":
            _, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
            return Credentials(token=password) if colon else ODD
    except (binascii.Error, UnicodeDecodeError):
        return ODD
    return ODD


def _cookie(value: bytes) -> Credentials:
    name = SESSION_COOKIE.encode() + b"="
    if name not in value or len(value) > LONGEST:
        return NOTHING
    if value.count(name) > 1:  # one of them was planted, by another page of the same domain
        return ODD
    try:
        found = SimpleCookie(value.decode("ascii")).get(SESSION_COOKIE)
    except (CookieError, UnicodeDecodeError):
        return ODD
    return NOTHING if found is None else Credentials(session=found.value)
