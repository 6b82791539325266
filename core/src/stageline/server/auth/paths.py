"""Which paths are whose: public ones, those that are judged by whoever reads the request, and all others.

A path that is not here is refused to everybody but an administrator, so a route that somebody adds and forgets is shut.
"""

from __future__ import annotations

from typing import Final

from stageline.server.artifact_proxy import BASES, PRESIGNED
from stageline.server.downloads import DOWNLOAD, VERSION_DOWNLOAD
from stageline.server.multipart import MULTIPART
from stageline.server.table import PREFIXES

PUBLIC: Final = frozenset({"/health", "/version"})
"""Who asks whether the server is there has no token: load balancers."""
SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
API: Final = "/api/stageline/1"
METRICS: Final = "/metrics"
PAGES: Final = frozenset(
    {"", "compare", "experiments", "lineage", "models", "requests", "runs", "static", "theme"}
)
"""First segments of the pages' paths."""

_EXACT = frozenset({DOWNLOAD, VERSION_DOWNLOAD, METRICS, API, *BASES})
_BELOW = (
    *PREFIXES,
    *(f"{base}/" for base in BASES),
    *MULTIPART,
    *PRESIGNED,
    f"{API}/",
    "/v1/traces",
)


def is_judged_later(path: str) -> bool:
    """Whether those who answer a path look at who asks."""
    return path.startswith(_BELOW) or path in _EXACT or path[1:].partition("/")[0] in PAGES


def is_page(path: str) -> bool:
    """Whether a browser asks for it."""
    return path[1:].partition("/")[0] in PAGES or path in (SIGN_IN, SIGN_OUT)
