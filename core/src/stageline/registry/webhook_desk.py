"""Which webhooks there are: one journal for all of them, so that names are unique and every host knows the same."""

from __future__ import annotations

import uuid
from copy import copy
from typing import TYPE_CHECKING, TypeVar

import msgspec

from stageline.domain.registry_names import check_description, check_label
from stageline.domain.webhook import (
    WEBHOOKS_FORMAT,
    Webhook,
    WebhookBook,
    WebhookStatus,
    check_webhook_events,
    check_webhook_name,
    check_webhook_secret,
    check_webhook_status,
)
from stageline.errors import AlreadyExists, NotFound
from stageline.registry.state_journal import StateJournal
from stageline.storage import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from stageline.clock import Clock
    from stageline.registry.journals import Journals
    from stageline.registry.webhook_progress import ProgressJournals
    from stageline.registry.webhook_secrets import SecretBox
    from stageline.registry.webhook_sending import Sender

Self = TypeVar("Self", bound="WebhookDesk")


class WebhookDesk:
    """Creates, changes and deletes webhooks in the name of one actor."""

    def __init__(
        self,
        journals: Journals,
        progress: ProgressJournals,
        secrets: SecretBox,
        sender: Sender,
        clock: Clock,
        actor: str,
    ) -> None:
        self._journals = journals
        self._progress = progress
        self._secrets = secrets
        self._sender = sender
        self._clock = clock
        self._actor = actor
        self._book = StateJournal(
            journals.store, layout.webhook_journal(), WebhookBook(), WEBHOOKS_FORMAT, clock
        )

    def acting(self: Self, actor: str) -> Self:
        """The same webhooks, changed in the name of `actor`."""
        view = copy(self)
        view._actor = check_label("actor", actor)
        return view

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
