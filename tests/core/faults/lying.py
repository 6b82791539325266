"""A store whose listings lie, as the test says."""

from __future__ import annotations

from collections.abc import Callable

from stageline.storage.memory import MemoryStore
from stageline.storage.port import Entry
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore

NOW = 1_700_000_000_000


class LyingStore(CountingStore):
    """Listings lack what `hides` says, and are otherwise what `shows` makes of them."""

    def __init__(self, name: str) -> None:
        super().__init__(MemoryStore(f"memory://{name}", clock=FixedClock(NOW)))
        self.hides: Callable[[str], bool] = lambda key: False
        self.shows: Callable[[str, list[Entry]], list[Entry]] = lambda prefix, found: found

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        found = super().list(prefix, deep=deep)
        return self.shows(prefix, [one for one in found if not self.hides(one.key)])[:limit]
