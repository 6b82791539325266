"""Telling webhooks what happened: at least once, each model's events in order, by any number of deliverers.

Whoever delivers writes into the webhook's journal that it is at work, posts, and writes down what came of each attempt
(docs/design/005). One that dies in between leaves an attempt that nobody wrote down: the next one makes it again.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.webhook_payload import headers_of
from stageline.domain.webhook_progress import (
    Attempt,
    Delivery,
    Outcome,
    Progress,
    advanced,
    claimed,
    recorded,
    released,
)
from stageline.errors import Corrupt, InvalidInput, NotAllowed
from stageline.registry.webhook_feed import Feed
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

    from stageline.clock import Clock
    from stageline.domain.webhook import Webhook
    from stageline.domain.webhook_progress import Place
    from stageline.registry.journals import Journals
    from stageline.registry.webhook_progress import ProgressJournals
    from stageline.registry.webhook_secrets import SecretBox
    from stageline.registry.webhook_sending import Answer, Sender

LONGEST_WAIT_S = 3600.0
FIRST_WAIT_S = 10.0
SAVE_AFTER = 64
"""Entries that had nothing for a webhook, after which that is written down; until then they are read again."""

_log = logging.getLogger("stageline")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one call."""

    delivered: int = 0
    failed: int = 0
    """Attempts that another one will follow."""
    given_up: int = 0
    busy: tuple[str, ...] = ()
    """Webhooks that somebody else is telling."""
    problems: dict[str, str] = {}
    """Webhook -> why it can not be told from here."""

    def __add__(self, other: Report) -> Report:
        return Report(
            delivered=self.delivered + other.delivered,
            failed=self.failed + other.failed,
            given_up=self.given_up + other.given_up,
            busy=self.busy + other.busy,
            problems={**self.problems, **other.problems},
        )


def wait_s(failures: int) -> float:
    """Seconds before the next attempt: full jitter below a limit that doubles, so that nobody comes back at once."""
    from tenacity import RetryCallState, Retrying, wait_random_exponential  # late: it costs CPU

    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = failures
    return wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S, min=1)(state)


class Deliverer:
    """One of those who tell webhooks."""

    def __init__(
        self,
        journals: Journals,
        progress: ProgressJournals,
        secrets: SecretBox,
        sender: Sender,
        clock: Clock,
        *,
        attempts: int,
        held_s: float,
        waits: Callable[[int], float] = wait_s,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self.feed = Feed(journals)
        self._journals = journals
        self._progress = progress
        self._secrets = secrets
        self._sender = sender
        self._clock = clock
        self._attempts = attempts
        self._held_ms = round(held_s * 1000)
        self._waits = waits

    def deliver(
        self, webhooks: Sequence[Webhook], floor: Mapping[str, int], stop: Event | None = None
    ) -> Report:
        """Tell all active webhooks what is due, several at once. Raises `StorageFailed` if the store does not answer.

        Args:
            webhooks: Those there are.
            floor: Registered model -> entry up to which nothing is told.
            stop: Ends it after the attempt that is under way.
        """
        active = [webhook for webhook in webhooks if webhook.is_active]
        if not active:
            return Report()
        newest = self._journals.newest()
        reports = together(lambda one: self._tell(one, newest, floor, stop), active)
        return sum(reports, Report())

    def attempt(self, webhook: Webhook, delivery_id: str, body: bytes) -> Answer:
        """One request, whatever its body. Raises `NotAllowed` if the secret can not be opened here."""
        secret = self._secrets.open(webhook.webhook_id, webhook.sealed_secret)
        headers = headers_of(secret, delivery_id, self._clock.now_ms() // 1000, body)
        return self._sender.post(webhook.url, headers, body)

    def _tell(
        self,
        webhook: Webhook,
        newest: Mapping[str, int],
        floor: Mapping[str, int],
        stop: Event | None,
    ) -> Report:
        report = Report()
        try:
            self._secrets.open(webhook.webhook_id, webhook.sealed_secret)
        except (
            NotAllowed,
            InvalidInput,
            Corrupt,
        ) as error:  # that of others may well be open to us
            _log.warning("webhook %s is not told from here: %s", webhook.name, error)
            return Report(problems={webhook.name: str(error)})
        while stop is None or not stop.is_set():
            now = self._clock.now_ms()
            progress = self._progress.read(webhook.webhook_id)
            if progress.is_held_from(self.name, now):
                return report + Report(busy=(webhook.name,))
            due, passed = self.feed.due(webhook, progress, newest, floor, now)
            if not due:
                self._save(
                    webhook, progress, advanced(progress, passed), 1 if floor else SAVE_AFTER
                )
                return report
            claim = self._claim(webhook, passed, now)
            if claim is None:
                return report + Report(busy=(webhook.name,))
            # Between the two, another may have told some of it, and let go.
            due, _ = self.feed.due(webhook, claim, newest, floor, now)
            report += self._send(webhook, claim, due, stop)
        return report

    def _claim(self, webhook: Webhook, passed: dict[str, Place], now: int) -> Progress | None:
        return self._progress.change(
            webhook.webhook_id,
            lambda one: claimed(one, self.name, now, now + self._held_ms, passed),
        )

    def _send(
        self, webhook: Webhook, progress: Progress, due: list[Delivery], stop: Event | None
    ) -> Report:
        report = Report()
        waiting: set[str] = set()
        held = True
        for at, delivery in enumerate(due):
            if delivery.model in waiting:
                continue
            if stop is not None and stop.is_set():
                break
            answer = self.attempt(webhook, delivery.delivery_id, delivery.body)
            attempt = self._judged(delivery, progress, answer)
            if attempt.outcome is Outcome.FAILED:
                waiting.add(delivery.model)
            held = any(one.model not in waiting for one in due[at + 1 :])
            recorded_as = self._record(webhook, delivery, attempt, answer, held)
            if recorded_as is None:  # we were taken for dead, and somebody else goes on
                return report + Report(busy=(webhook.name,))
            progress = recorded_as
            report += _counted(attempt.outcome)
        if held:
            self._progress.change(webhook.webhook_id, lambda one: released(one, self.name))
        return report

    def _judged(self, delivery: Delivery, progress: Progress, answer: Answer) -> Attempt:
        number = progress.place(delivery.model).failures + 1
        if answer.is_success:
            outcome = Outcome.DELIVERED
        else:
            outcome = Outcome.FAILED if number < self._attempts else Outcome.GIVEN_UP
        return attempt_of(delivery, answer, outcome, number, self.name, self._clock.now_ms())

    def _record(
        self, webhook: Webhook, delivery: Delivery, attempt: Attempt, answer: Answer, held: bool
    ) -> Progress | None:
        now = self._clock.now_ms()
        waits_s = max(self._waits(attempt.number), min(answer.retry_after_s, LONGEST_WAIT_S))
        if attempt.outcome is not Outcome.DELIVERED:
            _log.warning(
                "webhook %s: attempt %d to tell %s of %s failed (%s)%s",
                webhook.name, attempt.number, webhook.place, attempt.event,
                attempt.error or attempt.status,
                "; given up" if attempt.outcome is Outcome.GIVEN_UP else f"; again in {waits_s:.0f} s",
            )  # fmt: skip
        return self._progress.change(
            webhook.webhook_id,
            lambda one: recorded(
                one,
                delivery,
                attempt,
                until=now + self._held_ms if held else 0,
                retry_at=now + round(waits_s * 1000),
            ),
        )

    def _save(self, webhook: Webhook, progress: Progress, further: Progress, after: int) -> None:
        """Write down what was passed by, once that spares enough reading."""
        steps = sum(
            place.entry - progress.place(model).entry for model, place in further.places.items()
        )
        if steps >= after:
            self._progress.change(
                webhook.webhook_id,
                lambda one: None if one.holder else advanced(one, dict(further.places)),
            )


def attempt_of(
    delivery: Delivery, answer: Answer, outcome: Outcome, number: int, by: str, time: int
) -> Attempt:
    """What is written down of a request; nothing of what the receiver said but its status."""
    return Attempt(
        delivery_id=delivery.delivery_id,
        event=delivery.event,
        model=delivery.model,
        entry=delivery.entry,
        part=delivery.part,
        number=number,
        time=time,
        duration_ms=answer.duration_ms,
        status=answer.status,
        error=answer.error,
        outcome=outcome,
        by=by,
    )


def _counted(outcome: Outcome) -> Report:
    match outcome:
        case Outcome.DELIVERED:
            return Report(delivered=1)
        case Outcome.FAILED:
            return Report(failed=1)
        case Outcome.GIVEN_UP:
            return Report(given_up=1)
