"""How a version is loaded: lines to copy."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion
    from stageline.workspace import Workspace


class Snippet(NamedTuple):
    """Some lines, and what they are for."""

    title: str
    text: str


def snippets(workspace: Workspace, version: ModelVersion) -> list[Snippet]:
    """In Python and from the shell. The store is left to the reader: its URL may be nobody's business."""
    uri = f"models:/{version.name}/{version.version}"
    load = f"import stageline\n\nmodel = stageline.load_model({uri!r})\nmodel.predict(data)"
    serve = f"stageline models serve -m {shlex.quote(uri)}"
    return [Snippet("Python", load), Snippet("Serve", serve)]
