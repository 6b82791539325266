"""The journals of what webhooks were told: one a webhook, each entry an attempt and how the webhook stands after it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from stageline.domain.webhook_progress import PROGRESS_FORMAT, Attempt, Progress
from stageline.registry.state_journal import StateJournal
from stageline.storage import layout
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

KEPT = 5000
"""Entries of a webhook's journal that stay."""
PRUNE_EVERY = 500


class ProgressJournals:
    """Reads and appends. Safe from many threads and hosts."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._journals: dict[str, StateJournal[Progress]] = {}
        self._lock = Lock()

    def read(self, webhook_id: str) -> Progress:
        """How a webhook stands now: one listing, and one get if it is news."""
        return self._journal(webhook_id).read()

    def change(
        self, webhook_id: str, decide: Callable[[Progress], Progress | None]
    ) -> Progress | None:
        """As `StateJournal.change`; now and then what nobody looks at any more is removed."""
        journal = self._journal(webhook_id)
        changed = journal.change(decide)
        if changed is not None and journal.entries.newest_seen % PRUNE_EVERY == 0:
            self._prune(webhook_id, journal.entries.newest_seen - KEPT)
        return changed

    def attempts(self, webhook_id: str, limit: int) -> list[Attempt]:
        """The last attempts, the newest first: one listing, and a get for each entry that is looked at."""
        journal = self._journal(webhook_id)
        numbers = list(reversed(journal.entries.numbers()))
        found: list[Attempt] = []
        while numbers and len(found) < limit:
            page, numbers = numbers[:64], numbers[64:]
            entries = together(journal.entry, page)
            found += [entry.attempt for entry in entries if entry.attempt is not None]
        return found[:limit]

    def delete(self, webhook_id: str) -> None:
        """Forget what a webhook was told."""
        self._prune(webhook_id, layout.LAST_REVISION)
        with self._lock:
            self._journals.pop(webhook_id, None)

    def _prune(self, webhook_id: str, up_to: int) -> None:
        keys = [entry.key for entry in self._store.list(layout.webhook_progress(webhook_id))]
        together(self._store.delete, [k for k in keys if layout.revision_number(k) <= up_to])

    def _journal(self, webhook_id: str) -> StateJournal[Progress]:
        with self._lock:
            if webhook_id not in self._journals:
                self._journals[webhook_id] = StateJournal(
                    self._store,
                    layout.webhook_progress(webhook_id),
                    Progress(),
                    PROGRESS_FORMAT,
                    self._clock,
                )
            return self._journals[webhook_id]
