"""What goes with every answer of the pages: the security headers, and compression."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PolicyChange: TypeAlias = tuple[str, tuple[str, ...]]
"""A directive of the policy, and the sources that are added to it."""

POLICY = {
    "default-src": ("'self'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "object-src": ("'none'",),
    "base-uri": ("'none'",),
    "form-action": ("'self'",),
}
FIXED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
SHORTEST = 1000
"""Bytes: what is shorter fits into a packet as it is."""
COMPRESSED = ("text/", "application/json", "image/svg+xml")


def dress(
    request: Request,
    answer: Response,
    frame_ancestors: Iterable[str],
    changes: Iterable[PolicyChange] = (),
) -> Response:
    """The answer with its headers. What a view has set itself stays."""
    answer.headers.setdefault("content-security-policy", policy(frame_ancestors, changes))
    for name, value in FIXED.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("cache-control", "private, no-cache")
    if _is_compressible(request, answer):
        answer.body = gzip.compress(bytes(answer.body), 5, mtime=0)
        answer.headers["content-encoding"] = "gzip"
        answer.headers["content-length"] = str(len(answer.body))
    answer.headers.setdefault("vary", "Accept-Encoding, Cookie")
    return answer


def policy(frame_ancestors: Iterable[str], changes: Iterable[PolicyChange] = ()) -> str:
    """The Content-Security-Policy: nothing from elsewhere, no script within a page."""
    sources = {**POLICY, "frame-ancestors": tuple(frame_ancestors)}
    for directive, added in changes:
        known = sources.get(directive) or sources["default-src"]
        kept = [one for one in known if one != "'none'"]
        sources[directive] = tuple(dict.fromkeys([*kept, *added]))
    return "; ".join(f"{name} {' '.join(values)}" for name, values in sources.items())


def accepts_gzip(request: Request) -> bool:
    """Whether the browser takes it."""
    return "gzip" in request.headers.get("accept-encoding", "")


def _is_compressible(request: Request, answer: Response) -> bool:
    return (
        not isinstance(answer, StreamingResponse)
        and "content-encoding" not in answer.headers
        and len(getattr(answer, "body", b"")) >= SHORTEST
        and answer.headers.get("content-type", "").startswith(COMPRESSED)
        and accepts_gzip(request)
    )
