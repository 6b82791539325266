"""What is told of an entry of the registry: events with their data, and the signed request that carries one.

The body, the headers and the signature are MLflow's (`mlflow/webhooks/delivery.py` and `types.py` of MLflow 3.17),
which follow the Standard Webhooks conventions, so that a receiver written for MLflow reads ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain import registry_events as ev
from stageline.domain.webhook import WebhookEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.domain.registry_entry import RegistryEntry

SIGNATURE_HEADER = "X-MLflow-Signature"
TIMESTAMP_HEADER = "X-MLflow-Timestamp"
DELIVERY_ID_HEADER = "X-MLflow-Delivery-Id"


class Told(NamedTuple):
    """One event of an entry, as a webhook tells it."""

    event: WebhookEvent
    data: dict[str, Any]


def told_by(name: str, entry: RegistryEntry) -> list[Told]:
    """All that an entry of the model `name` has to tell, in order. The same entry always tells the same."""
    return [told for event in entry.happened for told in _told(name, entry, event)]


def _told(name: str, entry: RegistryEntry, event: ev.RegistryEvent) -> Iterator[Told]:
    who: dict[str, Any] = {
        "actor": entry.actor,
        "reason": entry.reason,
        "run_id": entry.run_id,
        "link": entry.link,
    }
    match event:
        case ev.ModelCreated():
            data: dict[str, Any] = {
                "name": name,
                "tags": event.tags,
                "description": event.description or None,
            }
            yield Told(WebhookEvent.MODEL_CREATED, data)
        case ev.VersionRegistered():
            made = event.version
            yield Told(
                WebhookEvent.VERSION_CREATED,
                {
                    "name": name,
                    "version": str(made.version),
                    "source": made.source,
                    "run_id": made.run_id,
                    "tags": made.tags,
                    "description": made.description or None,
                },
            )
        case ev.VersionTagSet():
            data = {"name": name, "version": str(event.version), "key": event.key}
            yield Told(WebhookEvent.TAG_SET, {**data, "value": event.value})
        case ev.VersionTagDeleted():
            data = {"name": name, "version": str(event.version), "key": event.key}
            yield Told(WebhookEvent.TAG_DELETED, data)
        case ev.AliasSet():
            data = {"name": name, "alias": event.alias, "version": str(event.version)}
            yield Told(WebhookEvent.ALIAS_CREATED, data)
        case ev.AliasDeleted():
            yield Told(WebhookEvent.ALIAS_DELETED, {"name": name, "alias": event.alias})
        case ev.StageChanged():
            data = {
                "name": name,
                "version": str(event.version),
                "from_stage": event.from_stage,
                "to_stage": event.to_stage,
                "cause": event.cause.value,
                "request": event.request,
            }
            yield Told(WebhookEvent.STAGE_CHANGED, {**data, **who})
        case ev.RequestOpened():
            yield Told(WebhookEvent.REQUEST_CREATED, {**_asked(name, event.request), **who})
            if event.request.status is not ev.RequestStatus.PENDING:
                yield Told(WebhookEvent.REQUEST_CLOSED, {**_asked(name, event.request), **who})
        case ev.RequestApproved():
            asked = _known(name, entry, event.number)
            given = {"by": event.approval.by, "comment": event.approval.comment}
            yield Told(WebhookEvent.REQUEST_APPROVED, {**asked, **given, **who})
        case ev.RequestClosed():
            asked = {**_known(name, entry, event.number), "status": event.status.value}
            given = {"by": event.by, "comment": event.comment}
            yield Told(WebhookEvent.REQUEST_CLOSED, {**asked, **given, **who})
        case _:  # what nobody asked to be told of, and what a later version recorded
            return


def _asked(name: str, request: ev.TransitionRequest) -> dict[str, Any]:
    return {
        "name": name,
        "request": request.number,
        "version": str(request.version),
        "from_stage": request.from_stage,
        "to_stage": request.to_stage,
        "requested_by": request.requested_by,
        "status": request.status.value,
    }


def _known(name: str, entry: RegistryEntry, number: int) -> dict[str, Any]:
    """What the state after the entry says of a request; only its number, if that has been forgotten."""
    request = entry.state.requests.get(str(number))
    return _asked(name, request) if request is not None else {"name": name, "request": number}


def body_of(told: Told, time_ms: int) -> bytes:
    """The body; `timestamp` is when it happened, so that each attempt sends the same bytes."""
    at = datetime.fromtimestamp(time_ms / 1000, timezone.utc).isoformat()
    document = {
        "entity": told.event.entity,
        "action": told.event.action,
        "timestamp": at,
        "data": told.data,
    }
    return json.dumps(document).encode()


def delivery_id_of(webhook_id: str, name: str, entry: int, part: int) -> str:
    """The same for each attempt to tell a webhook the same: what a receiver deduplicates by. Laid out as a UUID."""
    text = f"{webhook_id}\n{name}\n{entry}\n{part}"
    digits = hashlib.sha256(text.encode()).hexdigest()[:32]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def headers_of(secret: str, delivery_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers of a request; without a secret there is no signature."""
    headers = {
        "Content-Type": "application/json",
        DELIVERY_ID_HEADER: delivery_id,
        TIMESTAMP_HEADER: str(timestamp_s),
    }
    if secret:
        headers[SIGNATURE_HEADER] = signature_of(secret, delivery_id, str(timestamp_s), body)
    return headers


def signature_of(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 of `<delivery id>.<timestamp>.<body>`.

    >>> signature_of("s", "d", "1", b"{}")
    'v1,IU+2+KHu4+2P4cNMuwvd3lx0u3yUZ/KaEHscpFOsm4Y='
    """
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
