"""What webhooks send is what the real MLflow would have sent: its signature, its payloads, its names of events."""

from __future__ import annotations

import json
import uuid

import pytest
from receiver import receiving
from registered import TIME, new_store, with_versions

from stageline.domain.public_address import is_public
from stageline.domain.webhook import WebhookEvent, check_webhook_name
from stageline.domain.webhook_examples import EXAMPLES
from stageline.domain.webhook_payload import (
    DELIVERY_ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    signature_of,
)
from stageline.errors import InvalidInput
from stageline.registry.webhooks import Webhooks
from stageline.settings import Settings
from stageline.testing.clock import FixedClock

pytest.importorskip("mlflow")

from mlflow.entities.webhook import WebhookEvent as TheirEvent
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _is_public_ip, _validate_webhook_name
from mlflow.webhooks import constants
from mlflow.webhooks.delivery import _generate_hmac_signature
from mlflow.webhooks.types import get_payload_class_for_event

KEY = "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="
OURS = {
    WebhookEvent.STAGE_CHANGED,
    WebhookEvent.REQUEST_CREATED,
    WebhookEvent.REQUEST_APPROVED,
    WebhookEvent.REQUEST_CLOSED,
}


@pytest.mark.parametrize("secret", ["s", "correct horse", "schlüssel", "x" * 1000])
@pytest.mark.parametrize("body", ["{}", '{"a": "ü", "b": "\\u00fc"}'])
def test_mlflow_makes_the_same_signature(secret: str, body: str) -> None:
    delivery_id = str(uuid.uuid4())
    theirs = _generate_hmac_signature(secret, delivery_id, "1700000000", body)
    assert signature_of(secret, delivery_id, "1700000000", body.encode()) == theirs


def test_delivery_is_verified_by_mlflow() -> None:
    store = new_store()
    settings = Settings(webhook_keys=KEY, webhook_allow="127.0.0.0/8", webhook_http=True)
    webhooks = Webhooks(store, FixedClock(TIME), settings, "ann")
    with receiving() as receiver:
        webhooks.create("w", receiver.url, list(EXAMPLES), secret="correct horse")
        registry = with_versions(store, 1)
        registry.set_version_tag("wine", 1, "k", "ü")
        registry.delete_version_tag("wine", 1, "k")
        registry.set_alias("wine", "a", 1)
        registry.delete_alias("wine", "a")
        registry.transition("wine", 1, "Staging")
        assert webhooks.deliver().delivered == 7
    for one in receiver.received:
        signature = _generate_hmac_signature(
            "correct horse",
            one.headers[constants.WEBHOOK_DELIVERY_ID_HEADER.lower()],
            one.headers[constants.WEBHOOK_TIMESTAMP_HEADER.lower()],
            one.body.decode(),
        )
        assert one.headers[constants.WEBHOOK_SIGNATURE_HEADER.lower()] == signature
        assert list(json.loads(one.body)) == ["entity", "action", "timestamp", "data"]
        if WebhookEvent(one.event) not in OURS:
            payload = get_payload_class_for_event(TheirEvent.from_str(one.event))
            assert set(one.document["data"]) == set(payload.__annotations__)


def test_headers_are_named_alike() -> None:
    assert (SIGNATURE_HEADER, TIMESTAMP_HEADER, DELIVERY_ID_HEADER) == (
        constants.WEBHOOK_SIGNATURE_HEADER,
        constants.WEBHOOK_TIMESTAMP_HEADER,
        constants.WEBHOOK_DELIVERY_ID_HEADER,
    )


def test_events_that_both_have_are_named_alike() -> None:
    for event in WebhookEvent:
        if event in OURS:
            with pytest.raises((MlflowException, ValueError)):
                TheirEvent.from_str(event.value)
        else:
            assert str(TheirEvent.from_str(event.value)) == event.value


@pytest.mark.parametrize(
    "name", ["a", "A-b_c.9", "a" * 63, "a" * 64, "", "-a", "a.", "a b", "é", "a/b"]
)
def test_names_that_mlflow_takes_are_taken(name: str) -> None:
    try:
        _validate_webhook_name(name)
    except MlflowException:
        with pytest.raises(InvalidInput):
            check_webhook_name(name)
    else:
        assert check_webhook_name(name) == name


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "::ffff:100.64.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fd00:ec2::254"],
)  # fmt: skip
def test_whatever_mlflow_refuses_is_refused(address: str) -> None:
    from ipaddress import ip_address

    assert not _is_public_ip(ip_address(address))
    assert not is_public(ip_address(address))
