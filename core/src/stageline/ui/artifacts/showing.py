"""One file as a page shows it: its viewer, and what that viewer is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.ui.artifacts.folded import MOST_BYTES as MOST_JSON
from stageline.ui.artifacts.folded import Node, folded
from stageline.ui.artifacts.kinds import Viewer, kind_of
from stageline.ui.artifacts.model_card import ModelCard, read_model_card
from stageline.ui.artifacts.reading import open_file, read_beginning
from stageline.ui.artifacts.tables import NoTable, ShownTable, read_table
from stageline.ui.artifacts.text import MOST_BYTES, ShownText, decoded, shown_text
from stageline.ui.markdown import rendered

if TYPE_CHECKING:
    from markupsafe import Markup

    from stageline.workspace import Workspace

MOST_MARKDOWN = 256 << 10
"""Bytes: a longer file is shown as text."""


class Shown(NamedTuple):
    """A file; of the parts below those that its viewer needs are there."""

    viewer: Viewer
    text: ShownText | None = None
    markdown: Markup | None = None
    json: Node | None = None
    table: ShownTable | None = None
    card: ModelCard | None = None
    problem: str = ""
    """Why it is not shown as what its name says."""


def show_file(
    workspace: Workspace, run_id: str, path: str, *, start: int = 0, as_source: bool = False
) -> Shown:
    """What a page needs to show a file.

    Args:
        workspace: The store.
        run_id: The run.
        path: Of the file, among the run's artifacts.
        start: Of a table: its first row, from 0.
        as_source: The text of it, whatever else it could be shown as.

    Raises:
        NotFound: there is no such file.
    """
    viewer = kind_of(path).viewer
    if as_source or viewer in (Viewer.TEXT, Viewer.UNKNOWN):
        return _text(workspace, run_id, path, is_text=viewer is not Viewer.UNKNOWN)
    if viewer is Viewer.MLMODEL:
        return Shown(viewer, card=read_model_card(workspace, run_id, path.rpartition("/")[0]))
    if viewer is Viewer.MARKDOWN:
        return _markdown(workspace, run_id, path)
    if viewer is Viewer.JSON:
        return _json(workspace, run_id, path, start)
    if viewer is Viewer.TABLE:
        return _table(workspace, run_id, path, start)
    return Shown(viewer)


def _text(
    workspace: Workspace, run_id: str, path: str, *, is_text: bool = True, problem: str = ""
) -> Shown:
    beginning = read_beginning(workspace, run_id, path, MOST_BYTES)
    text = shown_text(path, beginning, is_text=is_text)
    viewer = Viewer.UNKNOWN if text is None else Viewer.TEXT
    return Shown(viewer, text=text, problem=problem)


def _markdown(workspace: Workspace, run_id: str, path: str) -> Shown:
    beginning = read_beginning(workspace, run_id, path, MOST_MARKDOWN)
    text = decoded(beginning.data)
    if text is None or beginning.is_cut:
        return _text(workspace, run_id, path)
    return Shown(Viewer.MARKDOWN, markdown=rendered(text))


def _json(workspace: Workspace, run_id: str, path: str, start: int) -> Shown:
    beginning = read_beginning(workspace, run_id, path, MOST_JSON)
    # Before it is known whole: what `log_table` writes begins so, and may be long.
    if beginning.data[:200].lstrip().startswith(b'{"columns":'):
        shown = _table(workspace, run_id, path, start)
        if shown.table is not None:
            return shown
    if beginning.is_cut:
        return _text(workspace, run_id, path, problem="It is too long to be folded.")
    text = decoded(beginning.data)
    node = None if text is None else folded(text)
    if node is None:
        return _text(workspace, run_id, path, problem="It holds no valid JSON.")
    return Shown(Viewer.JSON, json=node)


def _table(workspace: Workspace, run_id: str, path: str, start: int) -> Shown:
    stream, _ = open_file(workspace, run_id, path)
    with stream:
        try:
            return Shown(Viewer.TABLE, table=read_table(path, stream, start))
        except NoTable as error:
            problem = f"It is not shown as a table: {error}."
    return _text(workspace, run_id, path, is_text=False, problem=problem)
