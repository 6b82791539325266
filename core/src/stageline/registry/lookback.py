"""A model's entries from the newest to the oldest, a few reads at a time, through its former names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.registry_events import ModelArrived, ModelCreated, NameReserved
from stageline.errors import NotFound
from stageline.storage.parallel import WIDTH, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stageline.registry.history_entry import HistoryEntry
    from stageline.registry.ledger import Ledger


def backwards(
    ledger: Ledger, name: str, read: Callable[[str, int], HistoryEntry]
) -> Iterator[HistoryEntry]:
    """The entries of a name, the newest first: the order of `History.history`, turned round. Raises `NotFound`."""
    standing = ledger.read(name)
    own = ledger.journal(name).numbers()
    if not own:
        raise NotFound(f"Registered Model with name={name} not found")
    told: set[int] = set()
    # A model may have arrived here with nobody having written it down yet.
    came = standing.state.came_from if standing.arrival else None
    place, end = name, standing.number
    while True:
        is_settled = came is not None
        numbers = own if place == name else ledger.journal(place).numbers()
        for entry in _newest_first(place, [one for one in numbers if one <= end], read):
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
    yield from _newest_first(name, [one for one in own if one not in told], read)


def _newest_first(
    name: str, numbers: Sequence[int], read: Callable[[str, int], HistoryEntry]
) -> Iterator[HistoryEntry]:
    order = sorted(numbers, reverse=True)
    for start in range(0, len(order), WIDTH):
        yield from together(lambda number: read(name, number), order[start : start + WIDTH])


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
