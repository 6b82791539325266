"""Which viewer a file gets, and what its bytes are called when they are sent: by its name, never by its content."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from stageline.models.mlmodel import MLMODEL


class Viewer(str, Enum):
    """How a file is shown."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    TABLE = "table"
    IMAGE = "image"
    HTML = "html"
    PDF = "pdf"
    AUDIO = "audio"
    VIDEO = "video"
    MLMODEL = "mlmodel"
    UNKNOWN = "unknown"
    """Shown as text if that is what it turns out to be."""

    __str__ = str.__str__


class Kind(NamedTuple):
    """What a file is taken for."""

    viewer: Viewer
    media_type: str
    is_inline: bool = False
    """Whether a browser that is sent the file shows it; otherwise it keeps it as a download."""


_TEXT = Kind(Viewer.TEXT, "text/plain; charset=utf-8", True)
_BYTES = Kind(Viewer.UNKNOWN, "application/octet-stream")
_KINDS = {
    **dict.fromkeys(("txt", "log", "out", "err", "py", "toml", "yaml", "yml", "cfg", "ini", "sh",
                     "sql", "rst", "tex", "dot", "diff", "patch", "css", "js", "ts", "c", "h",
                     "cpp", "java", "scala", "rs", "go", "r", "jl", "lock", "env", "xml", "proto",
                     "jsonl", "ndjson", "mmd"), _TEXT),
    "md": Kind(Viewer.MARKDOWN, "text/plain; charset=utf-8", True),
    "markdown": Kind(Viewer.MARKDOWN, "text/plain; charset=utf-8", True),
    "json": Kind(Viewer.JSON, "application/json", True),
    "ipynb": Kind(Viewer.JSON, "application/json", True),
    "geojson": Kind(Viewer.JSON, "application/json", True),
    "csv": Kind(Viewer.TABLE, "text/plain; charset=utf-8", True),
    "tsv": Kind(Viewer.TABLE, "text/plain; charset=utf-8", True),
    "parquet": Kind(Viewer.TABLE, "application/octet-stream"),
    "pq": Kind(Viewer.TABLE, "application/octet-stream"),
    "png": Kind(Viewer.IMAGE, "image/png", True),
    "jpg": Kind(Viewer.IMAGE, "image/jpeg", True),
    "jpeg": Kind(Viewer.IMAGE, "image/jpeg", True),
    "gif": Kind(Viewer.IMAGE, "image/gif", True),
    "webp": Kind(Viewer.IMAGE, "image/webp", True),
    "bmp": Kind(Viewer.IMAGE, "image/bmp", True),
    "svg": Kind(Viewer.IMAGE, "image/svg+xml", True),
    "html": Kind(Viewer.HTML, "text/html; charset=utf-8", True),
    "htm": Kind(Viewer.HTML, "text/html; charset=utf-8", True),
    "pdf": Kind(Viewer.PDF, "application/pdf", True),
    "mp3": Kind(Viewer.AUDIO, "audio/mpeg", True),
    "wav": Kind(Viewer.AUDIO, "audio/wav", True),
    "ogg": Kind(Viewer.AUDIO, "audio/ogg", True),
    "flac": Kind(Viewer.AUDIO, "audio/flac", True),
    "mp4": Kind(Viewer.VIDEO, "video/mp4", True),
    "webm": Kind(Viewer.VIDEO, "video/webm", True),
}  # fmt: skip
_PLAIN_NAMES = ("MLproject", "Dockerfile", "Makefile", "LICENSE", "README")


def kind_of(path: str) -> Kind:
    """What a file is taken for.

    >>> kind_of("plots/roc.PNG").viewer.value, kind_of("model/MLmodel").viewer.value, kind_of("a.pkl").viewer.value
    ('image', 'mlmodel', 'unknown')
    """
    name = path.rpartition("/")[2]
    if name == MLMODEL:
        return Kind(Viewer.MLMODEL, _TEXT.media_type, True)
    if name in _PLAIN_NAMES:
        return _TEXT
    _, dot, ending = name.rpartition(".")
    return _KINDS.get(ending.lower(), _BYTES) if dot else _BYTES
