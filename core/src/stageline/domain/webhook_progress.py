"""How far a webhook has been told, who is telling it, and what came of each attempt: pure, so that races can be tried.

For each registered model there is one place in its journal; what lies behind has been delivered or given up, what
comes next may have failed a few times. So the deliveries of one model keep their order, and models do not wait for
each other.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import msgspec

PROGRESS_FORMAT = "stageline.webhook_progress/1"


class Outcome(str, Enum):
    """What came of an attempt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """Another attempt follows."""
    GIVEN_UP = "given_up"
    """It was the last one; `replay` makes another."""

    __str__ = str.__str__


class Delivery(NamedTuple):
    """One event that a webhook is to be told."""

    delivery_id: str
    model: str
    entry: int
    """Of the model's journal."""
    part: int
    """Which of the things that the entry tells, from 0."""
    is_last: bool
    """Whether the entry has nothing more for this webhook."""
    event: str
    time: int
    """When it happened; never less than that of an earlier one of the same model."""
    body: bytes


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request that was sent, or could not be."""

    delivery_id: str
    event: str
    model: str
    entry: int
    part: int = 0
    number: int = 1
    """Which attempt of the delivery; 0 for a replay."""
    time: int
    duration_ms: int = 0
    status: int | None = None
    error: str = ""
    outcome: Outcome
    by: str = ""
    """The deliverer."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a webhook stands in one model's journal."""

    entry: int = 0
    """Up to this entry all is settled."""
    part: int = 0
    """How many things of the next entry are settled too."""
    failures: int = 0
    """How often the next delivery failed."""
    retry_at: int = 0
    """Unix milliseconds before which it is not tried again."""

    @property
    def position(self) -> tuple[int, int]:
        """What orders two places."""
        return self.entry, self.part


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of a webhook's journal: how it stands, and the attempt that the entry is about."""

    format: str = ""
    txn: str = ""
    places: dict[str, Place] = {}
    """By registered model."""
    holder: str = ""
    """The deliverer that is at work; empty if none is."""
    held_until: int = 0
    """Unix milliseconds; afterwards others take it for dead. A clock that is wrong costs a delivery sent twice."""
    attempt: Attempt | None = None

    def place(self, model: str) -> Place:
        """Where it stands in a model's journal."""
        return self.places.get(model, Place())

    def is_held_from(self, deliverer: str, now: int) -> bool:
        """Whether another one is at work."""
        return bool(self.holder) and self.holder != deliverer and now < self.held_until


def claimed(
    progress: Progress, deliverer: str, now: int, until: int, ahead: dict[str, Place]
) -> Progress | None:
    """The work taken by `deliverer`, and what it found to be nothing for this webhook; None if another has it."""
    if progress.is_held_from(deliverer, now):
        return None
    return _new(advanced(progress, ahead), holder=deliverer, held_until=until, attempt=None)


def advanced(progress: Progress, ahead: dict[str, Place]) -> Progress:
    """Past entries that have nothing for the webhook."""
    further = {
        model: place
        for model, place in ahead.items()
        if place.position > progress.place(model).position
    }
    return _new(progress, places={**progress.places, **further}) if further else progress


def recorded(
    progress: Progress, delivery: Delivery, attempt: Attempt, until: int, retry_at: int
) -> Progress | None:
    """The progress after an attempt of its holder; `until` 0 lets go of it. None if another has taken over."""
    if progress.holder != attempt.by:
        return None
    if attempt.outcome is Outcome.FAILED:
        # Just before it, or whoever passes by what lies between would forget that it failed.
        failures = progress.place(delivery.model).failures + 1
        place = Place(delivery.entry - 1, delivery.part, failures, retry_at)
    else:
        place = place_after(delivery)
    return _new(
        progress,
        places={**progress.places, delivery.model: place},
        holder=attempt.by if until else "",
        held_until=until,
        attempt=attempt,
    )


def released(progress: Progress, deliverer: str) -> Progress | None:
    """Nobody at work any more; None if `deliverer` was not."""
    if progress.holder != deliverer:
        return None
    return _new(progress, holder="", held_until=0, attempt=None)


def place_after(delivery: Delivery) -> Place:
    """Where a webhook stands when a delivery is settled."""
    if delivery.is_last:
        return Place(delivery.entry)
    return Place(delivery.entry - 1, delivery.part + 1)


def _new(progress: Progress, **changes: Any) -> Progress:
    return msgspec.structs.replace(progress, **changes)
