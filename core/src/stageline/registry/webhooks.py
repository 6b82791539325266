"""Webhooks: other systems that are told what happens in the registry. What `Workspace.webhooks` is.

They lie in the store, so that every host that delivers knows the same ones; how, is in docs/design/005.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.webhook import WebhookEvent, check_webhook_events
from stageline.domain.webhook_examples import example_of
from stageline.domain.webhook_payload import body_of
from stageline.domain.webhook_progress import Attempt, Outcome, Progress
from stageline.domain.webhook_target import parse_reach
from stageline.errors import Conflict, NotFound, StorageFailed
from stageline.registry.delivery import Deliverer, Report, attempt_of
from stageline.registry.events import decode_cursor
from stageline.registry.journals import Journals
from stageline.registry.webhook_desk import WebhookDesk
from stageline.registry.webhook_progress import KEPT, ProgressJournals
from stageline.registry.webhook_secrets import SecretBox
from stageline.registry.webhook_sending import Answer, Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from stageline.clock import Clock
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore

POLL_S = 5.0

_log = logging.getLogger("stageline")


class Webhooks(WebhookDesk):
    """The webhooks of one store. Safe from many threads and hosts.

    workspace.webhooks.create("chat", "https://hooks.example.com/x", ["model_version_stage.changed"])
    workspace.webhooks.deliver()
    """

    def __init__(
        self,
        store: ObjectStore,
        clock: Clock,
        settings: Settings,
        actor: str,
        *,
        sender: Sender | None = None,
    ) -> None:
        reach = parse_reach(
            settings.webhook_allow, settings.webhook_ports, http=settings.webhook_http
        )
        super().__init__(
            Journals(store, clock),
            ProgressJournals(store, clock),
            SecretBox(settings.webhook_keys),
            sender or Sender(reach, timeout_s=settings.webhook_timeout_s),
            clock,
            actor,
        )
        self._deliverer = Deliverer(
            self._journals,
            self._progress,
            self._secrets,
            self._sender,
            clock,
            attempts=settings.webhook_attempts,
            # Resolving and answering may take the time-out each.
            held_s=2 * settings.webhook_timeout_s + 30,
        )

    def deliver(self, since: str | None = None, *, stop: Event | None = None) -> Report:
        """Tell every webhook what it has not been told, as far as it is due now. May be called anywhere, any time.

        A failed delivery holds up the later ones of the same model only, and is tried again by a call that comes
        after its time. What a process that died was sending is sent again, with the same delivery id.

        Args:
            since: A cursor of `registry.cursor()` or `follow()`: what lies before it is not told any more.
            stop: Ends the call after the requests that are under way.

        Raises:
            StorageFailed: the store does not answer.
        """
        return self._deliverer.deliver(self.list(), decode_cursor(since), stop)

    def run(self, stop: Event, *, poll_s: float = POLL_S, told: Callable[[Report], None]) -> None:
        """`deliver` again and again until `stop` is set; a store that is away is asked again."""
        while not stop.is_set():
            try:
                told(self.deliver(stop=stop))
            except (StorageFailed, Conflict) as error:
                _log.warning("webhooks wait for the store: %s", error)
            stop.wait(poll_s)

    def test(self, name: str, event: str | None = None) -> Answer:
        """Send made-up data of an event, of its first one if none is given; nothing of it is recorded.

        Raises:
            NotFound: there is no such webhook.
            NotAllowed: its secret can not be opened here.
        """
        webhook = self.get(name)
        chosen = check_webhook_events([event])[0] if event is not None else webhook.events[0]
        body = body_of(example_of(WebhookEvent(chosen)), self._clock.now_ms())
        return self._deliverer.attempt(webhook, str(uuid.uuid4()), body)

    def history(
        self, name: str, *, limit: int = 100, outcome: Outcome | str | None = None
    ) -> Sequence[Attempt]:
        """The last attempts to tell a webhook, the newest first; the last 5,000 are kept. Raises `NotFound`."""
        found = self._progress.attempts(self.get(name).webhook_id, KEPT if outcome else limit)
        return [one for one in found if outcome is None or one.outcome == outcome][:limit]

    def replay(self, name: str, delivery_id: str) -> Attempt:
        """Send a delivery of the history again, now, with its id; what waits its turn is not changed by it.

        Raises:
            NotFound: there is no such webhook, or its history has no such delivery.
        """
        webhook = self.get(name)
        known = [one for one in self.history(name, limit=KEPT) if one.delivery_id == delivery_id]
        if not known:
            raise NotFound(
                f"webhook {webhook.name!r} was told nothing with the delivery id {delivery_id[:100]!r}: "
                "`stageline registry webhooks history` shows what it was told"
            )
        told = msgspec.structs.replace(webhook, events=(known[0].event,))
        delivery = self._deliverer.feed.delivery(
            told, known[0].model, known[0].entry, known[0].part
        )
        if delivery is None:
            raise NotFound(f"entry {known[0].entry} of {known[0].model!r} is not what it was")
        answer = self._deliverer.attempt(webhook, delivery_id, delivery.body)
        outcome = Outcome.DELIVERED if answer.is_success else Outcome.GIVEN_UP
        by, now = self._deliverer.name, self._clock.now_ms()
        attempt = attempt_of(delivery, answer, outcome, 0, by, now)

        def note(progress: Progress) -> Progress:
            return msgspec.structs.replace(progress, attempt=attempt)

        self._progress.change(webhook.webhook_id, note)
        return attempt
