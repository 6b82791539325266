"""Pages of other sites that may ask: what a browser has to be told so that it lets them (CORS).

Never with credentials: a browser then brings neither cookies nor passwords along, and such a page has to have a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.serving.hosts import is_listed

if TYPE_CHECKING:
    from stageline.serving.asgi import Scope

Header = tuple[bytes, bytes]

_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_HEADERS = b"authorization, content-type, range"


def crossing(scope: Scope, origins: tuple[str, ...]) -> list[Header]:
    """What is added to an answer for a page of one of `origins`; nothing for any other."""
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
    if not is_listed(origin, origins):
        return [(b"vary", b"Origin")] if origins else []
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def asks_beforehand(scope: Scope) -> bool:
    """Whether a browser asks what a page may send, rather than sending it."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def permission(granted: list[Header]) -> list[Header]:
    """The headers of the answer to a browser that asks beforehand."""
    if granted[0][0] != b"access-control-allow-origin":
        return granted
    return [
        *granted,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _HEADERS),
        (b"access-control-max-age", b"600"),
    ]
