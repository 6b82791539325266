"""Who may ask the scoring server, where its tokens were given: whoever brings one, as Bearer or as a password."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput
from stageline.models.scoring import failure
from stageline.server.auth.credentials import credentials_of
from stageline.serving.asgi import App, Receive, Scope, Send, send_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "STAGELINE_SERVING_TOKENS"
SHORTEST = 16
"""Characters: what people make up is guessed."""
PUBLIC = frozenset({"/ping", "/health"})
CHALLENGES = (
    (b"www-authenticate", b'Basic realm="stageline", charset="UTF-8"'),
    (b"www-authenticate", b'Bearer realm="stageline"'),
)
_REFUSED = failure(401, "UNAUTHENTICATED", "This model is asked with a token, as Bearer")


def read_tokens(file: Path | None) -> tuple[bytes, ...]:
    """Digests of the tokens in a file, one a line, or in the environment; none where there is neither.

    Raises:
        InvalidInput: the file can not be read or is empty, or a token is too short.
    """
    if file is None:
        lines = os.environ.get(VARIABLE, "").replace(",", "\n").splitlines()
    else:
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"the tokens in {file} can not be read: {error}") from error
    found = [one.strip() for one in lines if one.strip() and not one.startswith("#")]
    if file is not None and not found:
        raise InvalidInput(f"{file} has no token: write one a line")
    if any(len(one) < SHORTEST for one in found):
        raise InvalidInput(
            f"a token of the scoring server has at least {SHORTEST} characters: "
            "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes one"
        )
    return tuple(digest(one) for one in found)


def digest(token: str) -> bytes:
    """What the workers are told of a token."""
    return hashlib.sha256(token.encode()).digest()


class Tokens:
    """An ASGI application around another: hands on what brings one of the tokens."""

    def __init__(self, app: App, digests: Iterable[bytes]) -> None:
        self._app = app
        self._digests = tuple(digests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        is_free = scope["type"] != "http" or scope["path"] in PUBLIC
        if is_free or self._is_known(credentials_of(scope).token):
            await self._app(scope, receive, send)
        else:
            await send_answer(send, _REFUSED, *CHALLENGES, closes=True)

    def _is_known(self, token: str) -> bool:
        mine = digest(token)
        # All of them, so that the time tells nothing.
        return sum(hmac.compare_digest(mine, one) for one in self._digests) > 0
