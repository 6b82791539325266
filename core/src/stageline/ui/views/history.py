"""A model's history: the drawing, the table, what stood when, the proof, and all of it as CSV."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from stageline.ui.registry.audit import csv_lines
from stageline.ui.registry.dates import input_text, parse_moment
from stageline.ui.registry.lanes import anchor, held, standing_at
from stageline.ui.registry.timeline import draw_timeline
from stageline.ui.view import View

if TYPE_CHECKING:
    from stageline.registry.history_entry import HistoryEntry
    from stageline.registry.registry import Registry
    from stageline.ui.page import Page

MOST_ENTRIES = 500
"""On a page: the newest, or the last before the moment that is asked about. The CSV has all."""
PROVEN_AT_ONCE = 200
"""Entries: a longer journal is proven when somebody asks for it."""


def history(page: Page, name: str) -> Response:
    """What happened to a model; also to one that was deleted or renamed."""
    registry = page.workspace.registry
    asked = page.query.get("as_of", "").strip()
    when = parse_moment(asked) if asked else None
    entries, is_cut = _window(registry, name, when)
    last = entries[-1] if when is None else standing_at(entries, when)
    is_proof_asked = page.query.get("verify", "") == "yes" or len(entries) <= PROVEN_AT_ONCE
    with_first = page.query.get("lanes", "") == "all"
    drawn = draw_timeline(entries, page.now_ms, with_first=with_first)
    assert drawn is not None  # a name that nothing was recorded under is not found
    then = drawn.end if when is None else min(max(when, drawn.begin), drawn.end)
    return page.render(
        "history.html",
        name=name,
        is_there=entries[-1].state.is_active,
        entries=entries[::-1],
        anchors={(one.number, one.name): anchor(one) for one in entries},
        is_cut=is_cut,
        drawn=drawn,
        when=when,
        then=then,
        then_text=input_text(then),
        last=last,
        standing=held(entries, last),
        proof=registry.verify(name) if is_proof_asked else None,
        with_first=with_first,
    )


def _window(registry: Registry, name: str, when: int | None) -> tuple[list[HistoryEntry], bool]:
    """The entries of a page, the oldest first, and whether there are more before or after."""
    newest = list(islice(registry.backwards(name), MOST_ENTRIES + 1))
    is_cut = len(newest) > MOST_ENTRIES
    if is_cut and when is not None and standing_at(newest[:MOST_ENTRIES][::-1], when) is None:
        newest = list(islice(registry.backwards(name, as_of=when), MOST_ENTRIES)) or newest
    return newest[:MOST_ENTRIES][::-1], is_cut


def history_csv(page: Page, name: str) -> Response:
    """All of it, the oldest first."""
    asked = page.query.get("as_of", "").strip()
    until = parse_moment(asked) if asked else None
    entries = page.workspace.registry.history(name, as_of=until)
    return Response(
        "".join(csv_lines(entries)),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}-history.csv"
        },
    )


ROUTES = [View("/models/{name}/history", history), View("/models/{name}/history.csv", history_csv)]
