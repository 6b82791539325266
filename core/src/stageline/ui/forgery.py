"""Whether a form was sent by a page of ours: a secret in a cookie that each form has to bring back.

A page of another site makes a browser send our cookies, but can not read them, so it can not write the form's field.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from typing import TYPE_CHECKING

from stageline.errors import NotAllowed

if TYPE_CHECKING:
    from starlette.requests import Request

    from stageline.ui.asking import Fields

CSRF_COOKIE = "stageline_csrf"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_BYTES = 24


def new_secret() -> str:
    """For a browser that has none."""
    return secrets.token_urlsafe(_BYTES)


def masked(secret: str) -> str:
    """The secret under a pad that comes with it: compressed pages then do not tell it (the BREACH attack, 2013)."""
    clear = secret.encode()
    pad = secrets.token_bytes(len(clear))
    return base64.urlsafe_b64encode(pad + _xor(pad, clear)).decode()


def check_form(request: Request, form: Fields) -> None:
    """Raise `NotAllowed` unless a page of ours sent this."""
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise NotAllowed(
            "a page of another site may not change anything here: open the page itself and repeat it"
        )
    secret = request.cookies.get(CSRF_COOKIE)
    given = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD)
    if not secret or not given or not _fits(given, secret):
        raise NotAllowed(
            "this form does not come from a page of yours, or is older than your session: "
            "go back, load the page again and repeat it (cookies must be allowed)"
        )


def _fits(token: str, secret: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(token.encode())
    except (binascii.Error, ValueError):
        return False
    half = len(raw) // 2
    return hmac.compare_digest(_xor(raw[:half], raw[half:]), secret.encode())


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=False))
