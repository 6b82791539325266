"""Webhooks: other systems that are told what happens in the registry. What `Workspace.webhooks` is.

They lie in the store, so that every host that delivers knows the same ones; how, is in docs/design/005.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.registry_names import check_description
from stageline.domain.webhook import (
    WEBHOOKS_FORMAT,
    Webhook,
    WebhookBook,
    WebhookEvent,
    WebhookStatus,
    check_webhook_events,
    check_webhook_name,
    check_webhook_secret,
    check_webhook_status,
)
from stageline.domain.webhook_payload import body_of, example_of
from stageline.domain.webhook_progress import Attempt, Outcome, Progress
from stageline.domain.webhook_target import parse_reach
from stageline.errors import AlreadyExists, Conflict, NotFound, StorageFailed
from stageline.registry.delivery import Deliverer, Report, attempt_of
from stageline.registry.events import decode_cursor
from stageline.registry.journals import Journals
from stageline.registry.state_journal import StateJournal
from stageline.registry.webhook_progress import KEPT, ProgressJournals
from stageline.registry.webhook_secrets import SecretBox
from stageline.registry.webhook_sending import Answer, Sender
from stageline.storage import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from threading import Event
    from typing import Any

    from stageline.clock import Clock
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore

POLL_S = 5.0

_log = logging.getLogger("stageline")


class Webhooks:
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
        self._clock = clock
        self._actor = actor
        self._journals = Journals(store, clock)
        self._book = StateJournal(
            store, layout.webhook_journal(), WebhookBook(), WEBHOOKS_FORMAT, clock
        )
        self._progress = ProgressJournals(store, clock)
        self._secrets = SecretBox(settings.webhook_keys)
        reach = parse_reach(
            settings.webhook_allow, settings.webhook_ports, http=settings.webhook_http
        )
        self._sender = sender or Sender(reach, timeout_s=settings.webhook_timeout_s)
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

    # -- which there are --------------------------------------------------------------------------

    def create(
        self,
        name: str,
        url: str,
        events: Iterable[str],
        *,
        secret: str | None = None,
        description: str | None = None,
        status: str = WebhookStatus.ACTIVE,
    ) -> Webhook:
        """A new webhook, told of what happens from now on.

        Args:
            name: 1 to 63 letters, digits, `.`, `_` and `-`.
            url: Where to POST; who is there is looked at whenever something is sent.
            events: Names of `WebhookEvent`.
            secret: Signs what is sent; kept encrypted.
            description: For people.
            status: DISABLED to send nothing yet.

        Raises:
            AlreadyExists: the name is taken.
            InvalidInput: something breaks a rule, the URL is refused, or there is no key to encrypt the secret with.
            NotAllowed: the store does not refuse to create what exists.
        """
        now, webhook_id = self._clock.now_ms(), uuid.uuid4().hex
        plain = check_webhook_secret(secret)
        self._sender.check(url)
        new = Webhook(
            webhook_id=webhook_id,
            name=check_webhook_name(name),
            url=url,
            events=check_webhook_events(events),
            description=check_description(description),
            status=check_webhook_status(status),
            sealed_secret=self._secrets.seal(webhook_id, plain) if plain else "",
            since=self._journals.newest(),
            creation_timestamp=now,
            last_updated_timestamp=now,
        )

        def add(book: WebhookBook) -> WebhookBook:
            self._refuse_taken(book, new.name, but=webhook_id)
            return self._after(book, new, f"created {new.name}")

        return self._changed(add, webhook_id)

    def get(self, name: str) -> Webhook:
        """The webhook of that name or id. Raises `NotFound`."""
        return _found(self._book.read(), name)

    def list(self) -> list[Webhook]:
        """All webhooks, by name: one listing."""
        return sorted(self._book.read().webhooks.values(), key=lambda one: one.name)

    def update(
        self,
        name: str,
        *,
        new_name: str | None = None,
        url: str | None = None,
        events: Iterable[str] | None = None,
        secret: str | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> Webhook:
        """Change what is given; an empty `secret` takes the secret away. One that was disabled is told from now on.

        Raises as `create` does, and `NotFound`.
        """
        changes: dict[str, Any] = {"last_updated_timestamp": self._clock.now_ms()}
        if new_name is not None:
            changes["name"] = check_webhook_name(new_name)
        if url is not None:
            self._sender.check(url)
            changes["url"] = url
        if events is not None:
            changes["events"] = check_webhook_events(events)
        if description is not None:
            changes["description"] = check_description(description)
        if status is not None:
            changes["status"] = check_webhook_status(status)
        plain = check_webhook_secret(secret)
        newest = self._journals.newest() if changes.get("status") is WebhookStatus.ACTIVE else {}

        def change(book: WebhookBook) -> WebhookBook:
            known = _found(book, name)
            if new_name is not None:
                self._refuse_taken(book, new_name, but=known.webhook_id)
            new = msgspec.structs.replace(known, **changes)
            if secret is not None:
                sealed = self._secrets.seal(known.webhook_id, plain) if plain else ""
                new = msgspec.structs.replace(new, sealed_secret=sealed)
            if new.is_active and not known.is_active:
                new = msgspec.structs.replace(new, since=newest)
            return self._after(book, new, f"changed {known.name}")

        return self._changed(change, self.get(name).webhook_id)

    def delete(self, name: str) -> None:
        """Remove a webhook with its history. Raises `NotFound`."""
        webhook_id = self.get(name).webhook_id

        def remove(book: WebhookBook) -> WebhookBook:
            known = _found(book, name)
            rest = {key: one for key, one in book.webhooks.items() if key != known.webhook_id}
            return self._entry(book, rest, f"deleted {known.name}")

        self._book.change(remove)
        self._progress.delete(webhook_id)

    # -- telling them -----------------------------------------------------------------------------

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

    # -- how --------------------------------------------------------------------------------------

    def _changed(self, decide: Callable[[WebhookBook], WebhookBook], webhook_id: str) -> Webhook:
        book = self._book.change(decide)
        assert book is not None  # these decide or raise
        return _found(book, webhook_id)

    def _after(self, book: WebhookBook, webhook: Webhook, done: str) -> WebhookBook:
        changed = msgspec.structs.replace(webhook, revision=book.number + 1)
        return self._entry(book, {**book.webhooks, webhook.webhook_id: changed}, done)

    def _entry(self, book: WebhookBook, webhooks: dict[str, Webhook], done: str) -> WebhookBook:
        return WebhookBook(
            number=book.number + 1,
            time=self._clock.now_ms(),
            actor=self._actor,
            done=done,
            webhooks=webhooks,
        )

    def _refuse_taken(self, book: WebhookBook, name: str, *, but: str) -> None:
        for other in book.webhooks.values():
            if other.name == name and other.webhook_id != but:
                raise AlreadyExists(
                    f"a webhook {name!r} exists: change it with update, or choose another name"
                )


def _found(book: WebhookBook, name: str) -> Webhook:
    if name in book.webhooks:
        return book.webhooks[name]
    for webhook in book.webhooks.values():
        if webhook.name == name:
            return webhook
    there = ", ".join(sorted(one.name for one in book.webhooks.values())[:10]) or "none"
    raise NotFound(f"there is no webhook {str(name)[:100]!r}; there is {there}")
