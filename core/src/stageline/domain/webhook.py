"""Webhooks as they are kept: who is told of which events, and under what rules they are named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from stageline.errors import InvalidInput

WEBHOOKS_FORMAT = "stageline.webhooks/1"
MAX_SECRET_LENGTH: Final = 1000

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?")
"""MLflow's rule for names: 1 to 63 characters."""


class WebhookEvent(str, Enum):
    """What a webhook may ask for: the first six are MLflow's, with MLflow's data; it has none about stages."""

    MODEL_CREATED = "registered_model.created"
    VERSION_CREATED = "model_version.created"
    TAG_SET = "model_version_tag.set"
    TAG_DELETED = "model_version_tag.deleted"
    ALIAS_CREATED = "model_version_alias.created"
    ALIAS_DELETED = "model_version_alias.deleted"
    STAGE_CHANGED = "model_version_stage.changed"
    REQUEST_CREATED = "transition_request.created"
    REQUEST_APPROVED = "transition_request.approved"
    """One person said yes, which need not be enough."""
    REQUEST_CLOSED = "transition_request.closed"
    """Approved, rejected, cancelled or refused: the data's `status` says which."""

    __str__ = str.__str__

    @property
    def entity(self) -> str:
        """What it is about."""
        return self.value.partition(".")[0]

    @property
    def action(self) -> str:
        """What happened to it."""
        return self.value.partition(".")[2]


class WebhookStatus(str, Enum):
    """Whether anything is sent."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"

    __str__ = str.__str__


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is told of what. Times are Unix milliseconds.

    A URL may be as good as a password (those of chat services are), so only its host is shown.
    """

    webhook_id: str
    name: str
    url: str
    events: tuple[str, ...]
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    status: WebhookStatus = WebhookStatus.ACTIVE
    sealed_secret: str = ""
    """Encrypted with a key that the store does not have (docs/design/005); empty: nothing is signed."""
    since: dict[str, int] = {}
    """Registered model -> the entry of its journal after which this webhook is told: that of its (re)activation."""
    revision: int = 0
    """The entry of the webhooks' journal that changed it last."""

    @property
    def is_active(self) -> bool:
        """Whether anything is sent."""
        return self.status is WebhookStatus.ACTIVE

    @property
    def has_secret(self) -> bool:
        """Whether what is sent is signed."""
        return bool(self.sealed_secret)

    @property
    def place(self) -> str:
        """Where it is sent, as far as that may be shown."""
        return public_place(self.url)

    def document(self) -> dict[str, Any]:
        """What programs are shown: everything but the secret."""
        return {
            "webhook_id": self.webhook_id,
            "name": self.name,
            "url": self.url,
            "events": list(self.events),
            "description": self.description,
            "status": self.status.value,
            "has_secret": self.has_secret,
            "creation_timestamp": self.creation_timestamp,
            "last_updated_timestamp": self.last_updated_timestamp,
        }

    def __repr__(self) -> str:
        return f"Webhook({', '.join(f'{name}={value!r}' for name, value in self._shown())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # msgspec's own shows everything.
        return list(self._shown())

    def _shown(self) -> Iterator[tuple[str, Any]]:
        yield "name", self.name
        yield "place", self.place
        yield "events", self.events
        yield "status", self.status.value


def public_place(url: str) -> str:
    """Scheme, host and port of a URL.

    >>> public_place("https://hooks.example.com/services/T0/secret?token=x")
    'https://hooks.example.com'
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}"
    except ValueError:
        return "(no URL)"


def check_webhook_name(name: str) -> str:
    """A webhook's name: 1 to 63 letters, digits, `.`, `_` and `-`, a letter or digit first and last."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Invalid webhook name {str(name)[:100]!r}: expected 1 to 63 letters, digits, '.', '_' and '-', "
            "with a letter or digit first and last"
        )
    return name


def check_webhook_events(events: Iterable[str]) -> tuple[str, ...]:
    """Events by name, each once, in their order. `InvalidInput` names those that there are."""
    listed = [events] if isinstance(events, str) else list(events)
    known = [event.value for event in WebhookEvent]
    for event in listed:
        if event not in known:
            raise InvalidInput(
                f"Invalid webhook event {str(event)[:100]!r}: expected one of {', '.join(known)}"
            )
    if not listed:
        raise InvalidInput(f"A webhook needs an event: expected some of {', '.join(known)}")
    return tuple(event for event in known if event in listed)


def check_webhook_secret(secret: str | None) -> str:
    """What signs the deliveries; None or empty: they are not signed. An error never shows it."""
    if not secret:
        return ""
    if len(secret) > MAX_SECRET_LENGTH:
        raise InvalidInput(
            f"Invalid secret: expected text of at most {MAX_SECRET_LENGTH} characters"
        )
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise InvalidInput("Invalid secret: it holds a character that UTF-8 has not") from None
    return secret


def check_webhook_status(status: str) -> WebhookStatus:
    """ACTIVE or DISABLED, in any case."""
    try:
        return WebhookStatus(str(status).upper())
    except ValueError:
        raise InvalidInput(
            f"Invalid status {str(status)[:50]!r}: expected ACTIVE or DISABLED"
        ) from None


class WebhookBook(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal of webhooks: what was done to one, and all of them after it."""

    format: str = ""
    txn: str = ""
    number: int = 0
    time: int = 0
    actor: str = ""
    done: str = ""
    """Such as `created chat`."""
    webhooks: dict[str, Webhook] = {}
    """By id."""
