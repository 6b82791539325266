"""What requests about webhooks carry; every field may be missing, as protobuf has it."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct):
    """What a webhook is told of; enums come as their names, or as protobuf numbers them"""

    entity: str | int | None = None
    action: str | int | None = None


class CreateWebhook(msgspec.Struct):
    """POST webhooks"""

    name: str | None = None
    url: str | None = None
    events: list[Event] = []
    description: str | None = None
    secret: str | None = None
    status: str | int | None = None


class ListWebhooks(msgspec.Struct):
    """GET webhooks"""

    max_results: int | None = None
    page_token: str | None = None


class OneWebhook(msgspec.Struct):
    """GET and DELETE webhooks/{webhook_id}"""

    webhook_id: str = ""


class UpdateWebhook(CreateWebhook):
    """PATCH webhooks/{webhook_id}"""

    webhook_id: str = ""


class TestWebhook(OneWebhook):
    """POST webhooks/{webhook_id}/test"""

    event: Event | None = None
