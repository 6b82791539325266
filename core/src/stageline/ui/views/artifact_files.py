"""`/runs/{run_id}/raw/{path}`: the bytes of a file, sent so that nothing in it ever runs as a page of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from stageline.server.failures import Refused
from stageline.server.transfers import CHUNK, span_of
from stageline.ui.artifacts.kinds import Viewer, kind_of
from stageline.ui.artifacts.reading import open_file
from stageline.ui.view import View

if TYPE_CHECKING:
    from stageline.ui.artifacts.kinds import Kind
    from stageline.ui.page import Page

LOCKED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox"
"""The policy of a file: its scripts do not run, and it has an origin of its own."""
SCRIPTED = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline' data:; "
    "img-src data: blob:; font-src data:; worker-src blob:; sandbox allow-scripts"
)
"""That of an HTML file whose reader chose to run its scripts: still of another origin, and they reach no host."""
OF_PDF = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; img-src data:"
"""Without a sandbox, in which browsers refuse to show PDF at all; their viewer runs nothing as our origin."""


def raw(page: Page, run_id: str, path: str) -> Response:
    """A file, or the part of it that a Range header asks for."""
    kind = kind_of(path)
    stream, size = open_file(page.workspace, run_id, path)
    try:
        span = span_of(page.request.headers.get("range"), size)
    except Refused:
        stream.close()
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    first, count = span or (0, size)
    headers = {
        "content-type": kind.media_type,
        "content-length": str(count),
        "content-disposition": _disposition(page, kind, path),
        "content-security-policy": _policy(page, kind),
        "cross-origin-resource-policy": "same-origin",
        "accept-ranges": "bytes",
    }
    if span is not None:
        headers["content-range"] = f"bytes {first}-{first + count - 1}/{size}"
    return StreamingResponse(
        _chunks(stream, first, count), 200 if span is None else 206, headers=headers
    )


def _policy(page: Page, kind: Kind) -> str:
    if kind.viewer is Viewer.PDF:
        return OF_PDF
    runs_scripts = kind.viewer is Viewer.HTML and page.query.get("scripts") == "1"
    return SCRIPTED if runs_scripts else LOCKED


def _disposition(page: Page, kind: Kind, path: str) -> str:
    """As RFC 6266 has it: a name in ASCII for old readers, and the whole one."""
    is_inline = kind.is_inline and page.query.get("download") is None
    name = path.rpartition("/")[2]
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%;' else "_" for c in name
    )
    how = "inline" if is_inline else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _chunks(stream: BinaryIO, first: int, count: int) -> Iterator[bytes]:
    with stream:
        if first:
            stream.seek(first)
        while count:
            chunk = stream.read(min(CHUNK, count))
            if not chunk:
                return  # it became shorter: the server sees that less came than was told, and cuts the connection
            count -= len(chunk)
            yield chunk


ROUTES = [View("/runs/{run_id}/raw/{path:path}", raw)]
