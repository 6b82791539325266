"""Which experiments a page of the list shows: found, sorted, and cut to a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.run import TAG_NOTE, ViewType
from stageline.ui.experiments.overview import STRIP, Overview, Overviews
from stageline.ui.experiments.strip import Strip, strip

if TYPE_CHECKING:
    from stageline.domain.experiment import Experiment
    from stageline.workspace import Workspace

SIZE = 50
"""Experiments of one page."""
FEW = 200
"""So many at most are sorted by their latest runs when nobody has said how: that asks the index of each."""
KEPT_MS = 30_000
"""How old the runs by which many experiments are sorted may be; what is shown of them is not."""
MOST = 1000
"""Experiments of one answer of a search."""
ORDERS = ("name", "created", "last", "runs")
_OPERATOR = re.compile(r"[=<>]|\b(like|ilike|in|is)\b", re.IGNORECASE)


class Row(NamedTuple):
    """One experiment of the list."""

    experiment: Experiment
    overview: Overview
    owner: str | None

    @property
    def note(self) -> str:
        """The first line of its description."""
        return self.experiment.tags.get(TAG_NOTE, "").strip().partition("\n")[0]

    @property
    def strip(self) -> Strip:
        """Its latest runs."""
        return strip(self.overview.last, STRIP)

    @property
    def tags(self) -> dict[str, str]:
        """Those that a user set."""
        return own_tags(self.experiment)


class Listing(NamedTuple):
    """One page of the list."""

    rows: list[Row]
    total: int
    """That are found."""
    order: str
    """One of `ORDERS`, with a minus before it for down."""
    is_untouched: bool
    """Whether nothing was ever recorded in this store."""


def own_tags(experiment: Experiment) -> dict[str, str]:
    """The tags that a user set, rather than a program for itself."""
    return {
        key: value
        for key, value in sorted(experiment.tags.items())
        if not key.startswith(("mlflow.", "stageline."))
    }


def find(workspace: Workspace, text: str, view: ViewType) -> list[Experiment]:
    """Experiments whose name, description or tags have all words of `text`; or which a filter finds.

    Raises:
        InvalidInput: the text is a filter, and a wrong one.
    """
    if not _OPERATOR.search(text):
        words = text.lower().split()
        return [
            one
            for one in workspace.experiments.list(view)
            if all(word in _said(one) for word in words)
        ]
    page = workspace.search_experiments(view, MOST, text)
    found = list(page)
    while page.token is not None:
        page = workspace.search_experiments(view, MOST, text, page_token=page.token)
        found += page
    return found


def list_page(
    workspace: Workspace, overviews: Overviews, found: list[Experiment], order: str, start: int
) -> Listing:
    """One page of what was found."""
    if order.lstrip("-") not in ORDERS:
        order = "-last" if len(found) <= FEW else "-created"
    begun_ms = workspace.clock.now_ms()
    old_ms = begun_ms - (KEPT_MS if len(found) > SIZE else 0)
    shown = _sorted(overviews, found, order, old_ms)[start : start + SIZE]
    fresh = overviews.of(shown, since_ms=begun_ms)
    rows = [
        Row(one, overview, workspace.experiments.creator(one.experiment_id))
        for one, overview in zip(shown, fresh, strict=True)
    ]
    is_untouched = len(found) <= 1 and not any(row.overview.total for row in rows)
    return Listing(rows, len(found), order, is_untouched)


def _sorted(
    overviews: Overviews, found: list[Experiment], order: str, since_ms: int
) -> list[Experiment]:
    by, is_down = order.lstrip("-"), order.startswith("-")
    by_name = sorted(found, key=lambda one: (one.name.lower(), one.experiment_id))
    if by == "name":
        return by_name[::-1] if is_down else by_name
    if by == "created":
        return sorted(by_name, key=lambda one: one.creation_time, reverse=is_down)
    known = overviews.of(by_name, since_ms=since_ms)
    weights = {one.experiment_id: _weight(of, by) for one, of in zip(by_name, known, strict=True)}
    return sorted(by_name, key=lambda one: weights[one.experiment_id], reverse=is_down)


def _weight(overview: Overview, by: str) -> int:
    if by == "runs":
        return overview.total
    return overview.last[0].start_time if overview.last else 0


def _said(experiment: Experiment) -> str:
    tags = own_tags(experiment)
    parts = [experiment.name, experiment.tags.get(TAG_NOTE, ""), *tags, *tags.values()]
    return "\n".join(parts).lower()
