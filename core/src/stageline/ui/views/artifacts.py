"""`/runs/{run_id}/artifacts?path=`: the files of a run, and one of them as what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import NotFound
from stageline.models.mlmodel import MLMODEL
from stageline.tracking.artifact_reading import ArtifactReader, checked_folder
from stageline.ui.artifacts.kinds import Viewer, kind_of
from stageline.ui.artifacts.model_card import read_model_card
from stageline.ui.artifacts.showing import Shown, show_file
from stageline.ui.artifacts.tables import MOST_BYTES, ROWS
from stageline.ui.artifacts.tree import Branch, found_in, tree_of
from stageline.ui.run.record import read_head
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page


def artifacts(page: Page, run_id: str) -> Response:
    """The page."""
    head = read_head(page.workspace, run_id)
    path = checked_folder(page.query.get("path", ""))
    files = ArtifactReader(page.workspace.store, run_id, known=lambda: head.files)
    root = tree_of(files.walk(), path)
    entry = found_in(root, path)
    if entry is None:
        raise NotFound(
            f"run {run_id} has no artifact {path!r}: it was never logged, or has been removed since"
        )
    is_source = page.query.get("source") == "1"
    return page.render(
        "run_artifacts.html",
        head=head,
        run=head.run,
        root=root,
        entry=entry,
        path=path,
        shown=_shown(page, run_id, entry, is_source=is_source),
        uri=f"runs:/{run_id}/{path}",
        kind=kind_of(path),
        is_source=is_source,
        runs_scripts=page.query.get("scripts") == "1",
        rows=ROWS,
        most_read=MOST_BYTES,
    )


def _shown(page: Page, run_id: str, entry: Branch, *, is_source: bool) -> Shown | None:
    """None for a folder that is no model."""
    if not entry.is_dir:
        start = page.start
        return show_file(page.workspace, run_id, entry.path, start=start, as_source=is_source)
    if any(one.name == MLMODEL and not one.is_dir for one in entry.children):
        return Shown(Viewer.MLMODEL, card=read_model_card(page.workspace, run_id, entry.path))
    return None


ROUTES = [View("/runs/{run_id}/artifacts", artifacts)]
