"""What a webhook that is tried is told: made-up data of each event, with the fields of the true one."""

from __future__ import annotations

from typing import Any

from stageline.domain.webhook import WebhookEvent
from stageline.domain.webhook_payload import Told

EXAMPLES: dict[WebhookEvent, dict[str, Any]] = {
    WebhookEvent.MODEL_CREATED: {
        "name": "wine",
        "tags": {"team": "risk"},
        "description": "An example",
    },
    WebhookEvent.VERSION_CREATED: {
        "name": "wine",
        "version": "1",
        "source": "runs:/0123456789abcdef/model",
        "run_id": "0123456789abcdef",
        "tags": {},
        "description": "An example",
    },
    WebhookEvent.TAG_SET: {"name": "wine", "version": "1", "key": "reviewed", "value": "yes"},
    WebhookEvent.TAG_DELETED: {"name": "wine", "version": "1", "key": "reviewed"},
    WebhookEvent.ALIAS_CREATED: {"name": "wine", "alias": "champion", "version": "1"},
    WebhookEvent.ALIAS_DELETED: {"name": "wine", "alias": "champion"},
    WebhookEvent.STAGE_CHANGED: {
        "name": "wine",
        "version": "1",
        "from_stage": "Staging",
        "to_stage": "Production",
        "cause": "transition",
        "request": None,
        "actor": "ann",
        "reason": "An example",
        "run_id": None,
        "link": "",
    },
}
"""What `test` sends; a request's events send what a request has."""

_EXAMPLE_REQUEST = {
    "name": "wine",
    "request": 1,
    "version": "1",
    "from_stage": "Staging",
    "to_stage": "Production",
    "requested_by": "ann",
    "status": "pending",
}


def example_of(event: WebhookEvent) -> Told:
    """Made-up data of an event."""
    return Told(event, EXAMPLES.get(event, _EXAMPLE_REQUEST))
