"""A model's entries from the newest to the oldest, a few reads at a time, through its former names.

A journal has no gaps, so nothing is listed but its newest entry: ten thousand names would be ten pages of a listing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.registry_events import ModelArrived, ModelCreated, NameReserved
from stageline.errors import NotFound
from stageline.storage.parallel import WIDTH, together

_MOST_AT_ONCE = 16 * WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stageline.registry.history_entry import HistoryEntry
    from stageline.registry.ledger import Ledger


def backwards(
    ledger: Ledger, name: str, read: Callable[[str, int], HistoryEntry]
) -> Iterator[HistoryEntry]:
    """The entries of a name, the newest first: the order of `History.history`, turned round. Raises `NotFound`."""
    standing = ledger.read(name)
    if not standing.number:
        raise NotFound(f"Registered Model with name={name} not found")
    told: set[int] = set()
    # A model may have arrived here with nobody having written it down yet.
    came = standing.state.came_from if standing.arrival else None
    place, end = name, standing.number
    while True:
        is_settled = came is not None
        for entry in _newest_first(place, range(end, 0, -1), read):
            if not is_settled:
                came, is_settled = _beginning(entry)
            if place == name:
                told.add(entry.number)
            yield entry
            if came is not None and _is_reserved_for(entry, came):
                break
        if came is None:
            break
        (place, end), came = came, None
    # An earlier life of the name is another model's, and of the same history.
    rest = [number for number in range(standing.number, 0, -1) if number not in told]
    yield from _newest_first(name, rest, read)


def _newest_first(
    name: str, numbers: Sequence[int], read: Callable[[str, int], HistoryEntry]
) -> Iterator[HistoryEntry]:
    """Those of the entries that are there, more at a time the further back: few ask for more than the newest."""

    def found(number: int) -> HistoryEntry | None:
        try:
            return read(name, number)
        except NotFound:  # somebody has deleted it; `verify` says so
            return None

    start, several = 0, WIDTH
    while start < len(numbers):
        some = together(found, numbers[start : start + several])
        yield from (entry for entry in some if entry is not None)
        start, several = start + several, min(2 * several, _MOST_AT_ONCE)


def _beginning(entry: HistoryEntry) -> tuple[tuple[str, int] | None, bool]:
    """Where the model came from, if this entry says how it began here; and whether it does."""
    for event in reversed(entry.events):
        if isinstance(event, ModelArrived):
            return (event.source, event.number), True
        if isinstance(event, ModelCreated):
            return None, True
    return None, False


def _is_reserved_for(entry: HistoryEntry, came: tuple[str, int]) -> bool:
    return any(
        isinstance(event, NameReserved) and (event.source, event.number) == came
        for event in entry.events
    )
