"""MLflow's routes of webhooks, over the store's own. What MLflow has no words for (stages, requests) is kept unsaid.

A webhook may be told of more than MLflow knows of; MLflow's clients are shown the rest, and what they change leaves the
events that they can not see as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.page import check_max_results, decode_token, encode_token
from stageline.domain.webhook import WebhookEvent, WebhookStatus
from stageline.errors import InvalidInput
from stageline.server import asks_webhooks as asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_experiments import paged
from stageline.server.mlflow_shapes import Shape
from stageline.server.wire import required

if TYPE_CHECKING:
    from stageline.domain.webhook import Webhook
    from stageline.registry.webhooks import Webhooks

PAGE, MOST = 100, 1000
ENTITIES = ("", "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS")
ACTIONS = ("", "CREATED", "UPDATED", "DELETED", "SET")
STATUSES = ("", "ACTIVE", "DISABLED")
"""By protobuf's numbers."""


def create(call: Call, ask: asks.CreateWebhook) -> Shape:
    if not ask.events:
        raise InvalidInput("Missing value for required parameter 'events'.")
    made = _webhooks(call).create(
        required("name", ask.name),
        required("url", ask.url),
        [_event(one) for one in ask.events],
        secret=ask.secret or None,
        description=ask.description or None,
        status=_named(ask.status, STATUSES, "status") if ask.status else WebhookStatus.ACTIVE,
    )
    return _told(made)


def list_all(call: Call, ask: asks.ListWebhooks) -> Shape:
    count = check_max_results(ask.max_results, default=PAGE, limit=MOST)
    start = decode_token(ask.page_token or None)
    found = [one for one in call.workspace.webhooks.list() if _theirs(one)]
    token = encode_token(start + count) if len(found) > start + count else None
    return paged("webhooks", [webhook_shape(one) for one in found[start : start + count]], token)


def get(call: Call, ask: asks.OneWebhook) -> Shape:
    return _told(call.workspace.webhooks.get(ask.webhook_id))


def update(call: Call, ask: asks.UpdateWebhook) -> Shape:
    webhooks = _webhooks(call)
    events: list[str] | None = None
    if ask.events:
        unseen = set(webhooks.get(ask.webhook_id).events)
        events = [*(_event(one) for one in ask.events), *(unseen - _SAID.keys())]
    changed = webhooks.update(
        ask.webhook_id,
        new_name=ask.name or None,
        url=ask.url or None,
        events=events,
        secret=ask.secret,
        description=ask.description,
        status=_named(ask.status, STATUSES, "status") if ask.status else None,
    )
    return _told(changed)


def delete(call: Call, ask: asks.OneWebhook) -> None:
    _webhooks(call).delete(ask.webhook_id)


def test(call: Call, ask: asks.TestWebhook) -> Shape:
    event = _event(ask.event) if ask.event is not None else None
    answer = call.workspace.webhooks.test(ask.webhook_id, event)
    result: Shape = {"success": answer.is_success}
    if answer.status is None:
        result["error_message"] = answer.error
    else:
        result["response_status"] = answer.status
        result["response_body"] = answer.body.decode(errors="replace")
    return {"result": result}


def webhook_shape(webhook: Webhook) -> Shape:
    """A webhook; its secret is told to nobody."""
    shape: Shape = {
        "webhook_id": webhook.webhook_id,
        "name": webhook.name,
        "url": webhook.url,
        "events": [_SAID[one] for one in _theirs(webhook)],
        "status": webhook.status.value,
        "creation_timestamp": webhook.creation_timestamp,
        "last_updated_timestamp": webhook.last_updated_timestamp,
    }
    if webhook.description:
        shape["description"] = webhook.description
    return shape


def _told(webhook: Webhook) -> Shape:
    return {"webhook": webhook_shape(webhook)}


def _theirs(webhook: Webhook) -> list[str]:
    return [one for one in webhook.events if one in _SAID]


def _event(given: asks.Event) -> str:
    entity = _named(given.entity, ENTITIES, "entity").lower()
    action = _named(given.action, ACTIONS, "action").lower()
    return f"{entity}.{action}"


def _named(given: str | int | None, names: tuple[str, ...], field: str) -> str:
    """Protobuf's enums may come as numbers."""
    if isinstance(given, int) and 0 < given < len(names):
        given = names[given]
    if given is None or given == "" or isinstance(given, int):
        raise InvalidInput(
            f"Invalid value {given!r} for parameter '{field}' supplied: expected one of {', '.join(names[1:])}."
        )
    return given


def _webhooks(call: Call) -> Webhooks:
    return call.workspace.webhooks.acting(call.actor)


_SAID: dict[str, Shape] = {
    event.value: {"entity": event.entity.upper(), "action": event.action.upper()}
    for event in WebhookEvent
    if event.entity.upper() in ENTITIES and event.action.upper() in ACTIONS
}
"""Our events in MLflow's words."""

ENDPOINTS = [
    Endpoint("POST", "webhooks", asks.CreateWebhook, create),
    Endpoint("GET", "webhooks", asks.ListWebhooks, list_all),
    Endpoint("GET", "webhooks/{webhook_id}", asks.OneWebhook, get),
    Endpoint("PATCH", "webhooks/{webhook_id}", asks.UpdateWebhook, update),
    Endpoint("DELETE", "webhooks/{webhook_id}", asks.OneWebhook, delete),
    Endpoint("POST", "webhooks/{webhook_id}/test", asks.TestWebhook, test),
]
