"""What a webhook is to be told next: read from the journals of registered models, in the order of each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from stageline.domain.webhook_payload import body_of, delivery_id_of, told_by
from stageline.domain.webhook_progress import Delivery, Place
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stageline.domain.webhook import Webhook
    from stageline.domain.webhook_progress import Progress
    from stageline.registry.journals import Journals

BATCH = 100
"""Deliveries of one model that are found at once."""
PAGE = 32
"""Entries read at once; a journal remembers as many."""


class Feed:
    """Reads for any number of webhooks; what it has read for one it has at hand for the next."""

    def __init__(self, journals: Journals) -> None:
        self._journals = journals
        self._passed: dict[tuple[str, int], dict[str, Place]] = {}

    def due(
        self,
        webhook: Webhook,
        progress: Progress,
        newest: Mapping[str, int],
        floor: Mapping[str, int],
        now: int,
    ) -> tuple[list[Delivery], dict[str, Place]]:
        """What may be sent now, merged by time, and the places that were reached without anything to send.

        Args:
            webhook: Its events and when it was activated count.
            progress: How it stands.
            newest: The newest entry of each model's journal.
            floor: Entries up to which nothing is to be told, by model.
            now: Unix milliseconds; a model whose delivery failed waits until its time has come.
        """
        passed = self._passed.setdefault((webhook.webhook_id, webhook.revision), {})
        found: list[Delivery] = []
        for model, last in newest.items():
            place = progress.place(model)
            # Of two that are the same place, the first: it knows of failures.
            begin = max(
                place,
                Place(floor.get(model, 0)),
                Place(webhook.since.get(model, 0)),
                passed.get(model, Place()),
                key=lambda one: one.position,
            )
            if begin.position > place.position:
                passed[model] = begin
            elif place.failures and now < place.retry_at:
                continue
            if begin.entry >= last:
                continue
            due = list(islice(self._from(webhook, model, begin, last), BATCH))
            if due:
                found += due
                first = due[0]
                begin = Place(first.entry - 1, begin.part if begin.entry == first.entry - 1 else 0)
            else:
                begin = Place(last)
            if begin.position > place.position:
                passed[model] = begin
        return sorted(found, key=lambda one: one.time), passed

    def delivery(self, webhook: Webhook, model: str, entry: int, part: int) -> Delivery | None:
        """One thing that was to be told, whether or not it was; None if the entry says no such thing."""
        told = [one for one in self._of_entry(webhook, model, entry, 0) if one.part == part]
        return told[0] if told else None

    def _from(self, webhook: Webhook, model: str, begin: Place, last: int) -> Iterator[Delivery]:
        latest = 0
        for start in range(begin.entry + 1, last + 1, PAGE):
            numbers = range(start, min(start + PAGE, last + 1))
            together(self._journals.journal(model).read, numbers)  # into its memory, side by side
            for number in numbers:
                part = begin.part if number == begin.entry + 1 else 0
                for one in self._of_entry(webhook, model, number, part):
                    latest = max(latest, one.time)
                    yield one._replace(time=latest)

    def _of_entry(self, webhook: Webhook, model: str, number: int, part: int) -> list[Delivery]:
        entry = self._journals.entry(model, number)[0]
        wanted = [
            (at, told)
            for at, told in enumerate(told_by(model, entry))
            if at >= part and told.event.value in webhook.events
        ]
        return [
            Delivery(
                delivery_id=delivery_id_of(webhook.webhook_id, model, number, at),
                model=model,
                entry=number,
                part=at,
                is_last=(at, told) == wanted[-1],
                event=told.event.value,
                time=entry.time,
                body=body_of(told, entry.time),
            )
            for at, told in wanted
        ]
