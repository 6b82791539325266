"""What the address of a runs table asks for, as values. The URL is the view: nothing else decides what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Comparison, Entity, Operator
from stageline.domain.run import RunStatus, ViewType

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

ROWS = 100
"""Of one page."""
MOST_CHOSEN_COLUMNS = 200
LONGEST_OFFSET = 10_000_000
MOST_IN_URL = 10
"""Runs that are selected by their ids; more are kept in the store under a short one."""

SPANS = {"1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
"""Seconds since which a run began."""
_MINUTE_MS = 60_000


class Asked(NamedTuple):
    """One view of the runs of one experiment."""

    filter: str = ""
    states: tuple[RunStatus, ...] = ()
    since: str = ""
    """One of `SPANS`, or nothing for all time."""
    order: str = ""
    """A column's name, with `-` before it for the greatest first."""
    columns: tuple[str, ...] = ()
    """As chosen; none for the usual ones."""
    start: int = 0
    group: str = ""
    """A column's name."""
    is_flat: bool = False
    """Children stand by themselves, not under their parents."""
    opened: frozenset[str] | None = None
    """Parents whose children are shown; None for all of them where the runs are few."""
    is_deleted: bool = False
    runs: tuple[str, ...] = ()
    """Selected."""
    choice: str = ""
    """More of them, in the store."""
    pinned: tuple[str, ...] = ()
    is_dense: bool = False

    @property
    def view(self) -> ViewType:
        """Active runs, or those that were deleted."""
        return ViewType.DELETED_ONLY if self.is_deleted else ViewType.ACTIVE_ONLY

    @property
    def is_narrowed(self) -> bool:
        """Whether some runs are left out."""
        return bool(self.filter or self.states or self.since)

    @property
    def roots(self) -> bool:
        """Whether children are folded; where a filter picks runs, each that fits stands by itself."""
        return not (self.is_flat or self.is_narrowed)

    def since_comparison(self, now_ms: int) -> tuple[Comparison, ...]:
        """What the time chip asks; by whole minutes, so that the same question can be the same again."""
        if self.since not in SPANS:
            return ()
        start = now_ms // _MINUTE_MS * _MINUTE_MS - SPANS[self.since] * 1000
        return (Comparison(Entity.ATTRIBUTE, "start_time", Operator.GE, start),)

    def state_comparison(self) -> tuple[Comparison, ...]:
        """What the chips of states ask."""
        states = tuple(state.value for state in self.states)
        asked = Comparison(Entity.ATTRIBUTE, "status", Operator.IN, states)
        return (asked,) if states else ()


def read_query(query: QueryParams) -> Asked:
    """What a query says; what it says wrongly is left out, so that an old link still opens."""
    since = query.get("since", "")
    return Asked(
        filter=query.get("filter", "").strip(),
        states=tuple(state for state in RunStatus if state.value in query.getlist("state")),
        since=since if since in SPANS else "",
        order=query.get("order", ""),
        columns=tuple(dict.fromkeys(query.getlist("c")))[:MOST_CHOSEN_COLUMNS],
        start=_offset(query.get("start", "")),
        group=query.get("group", ""),
        is_flat=query.get("flat") == "1",
        opened=frozenset(query.getlist("open")) if "open" in query else None,
        is_deleted=query.get("deleted") == "1",
        runs=tuple(dict.fromkeys(query.getlist("run"))),
        choice=query.get("choice", ""),
        pinned=tuple(dict.fromkeys(query.getlist("pin")))[:ROWS],
        is_dense=query.get("dense") == "1",
    )


def _offset(text: str) -> int:
    return min(int(text), LONGEST_OFFSET) if text.isdecimal() and len(text) < 12 else 0
