"""Files that never change under their address: styles, scripts, and Plotly's script out of its wheel."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from stageline.errors import InvalidInput, NotFound
from stageline.ui.headers import accepts_gzip

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(__file__).with_name("static")
PLOTLY = "plotly.min.js"
FOR_EVER = "public, max-age=31536000, immutable"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """One file."""

    content: bytes
    packed: bytes
    media_type: str


class Static:
    """All of them, in memory. One hash stands for all of ours: a module finds beside it those that it imports."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._assets = {path.name: _asset(path) for path in sorted(folder.iterdir())}
        digest = hashlib.sha256()
        for name, asset in self._assets.items():
            digest.update(name.encode() + b"\0" + asset.content)
        self._hash = digest.hexdigest()[:12]

    def path(self, name: str) -> str:
        """Where a page finds it, below the prefix. Raises `NotFound`."""
        if name == PLOTLY:
            return f"/static/plotly-{version('plotly')}/{PLOTLY}"
        if name not in self._assets:
            raise NotFound(f"there is no {name!r} among the static files")
        return f"/static/{self._hash}/{name}"

    def answer(self, request: Request, mark: str, name: str) -> Response:
        """The file. Under a mark that is not its own, as an older page may ask, it may not be kept."""
        own_path = self.path(name)
        asset = _plotly() if name == PLOTLY else self._assets[name]
        is_own = own_path == f"/static/{mark}/{name}"
        headers = {"cache-control": FOR_EVER if is_own else "no-cache", "vary": "Accept-Encoding"}
        content = asset.content
        if accepts_gzip(request):
            content = asset.packed
            headers["content-encoding"] = "gzip"
        return Response(content, headers=headers, media_type=asset.media_type)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, gzip.compress(content, 9, mtime=0), TYPES[path.suffix])


@cache
def _plotly() -> Asset:
    # Found, not imported: the package takes longer to import than its script to read.
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise InvalidInput("charts need plotly: `pip install 'stageline[ui]'`")
    return _asset(Path(found.origin).with_name("package_data") / PLOTLY)
