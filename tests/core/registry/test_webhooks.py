"""Webhooks are kept once for all hosts, and their secrets in nobody's sight."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet
from registered import TIME, new_store, open_registry, with_versions

from stageline.domain.webhook import WebhookBook, WebhookEvent
from stageline.domain.webhook_progress import Progress
from stageline.errors import AlreadyExists, Conflict, Corrupt, InvalidInput, NotAllowed, NotFound
from stageline.registry.webhooks import Webhooks
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan

KEY = Fernet.generate_key().decode()
SECRET = "correct horse battery staple"
URL = "https://hooks.example.com/services/T0/B1?token=abc"
EVENTS = ["model_version_stage.changed"]


def opened(store: ObjectStore, **settings: Any) -> Webhooks:
    """As another process would: it remembers nothing."""
    return Webhooks(store, FixedClock(TIME), Settings(**{"webhook_keys": KEY, **settings}), "ann")


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


def everything_in(store: MemoryStore) -> bytes:
    return b"\n".join(store.read(entry.key) for entry in store.list(""))


def test_what_one_host_creates_another_finds(store: MemoryStore) -> None:
    made = opened(store).create("chat", URL, EVENTS, secret=SECRET, description="Tells the team.")
    assert opened(store).get("chat") == made == opened(store).get(made.webhook_id)
    assert made.document() == {
        "webhook_id": made.webhook_id,
        "name": "chat",
        "url": URL,
        "events": EVENTS,
        "description": "Tells the team.",
        "status": "ACTIVE",
        "has_secret": True,
        "creation_timestamp": TIME,
        "last_updated_timestamp": TIME,
    }


def test_update_changes_what_is_given(store: MemoryStore) -> None:
    webhooks = opened(store)
    webhooks.create("chat", URL, EVENTS, secret=SECRET)
    changed = opened(store).update(
        "chat", new_name="talk", url="https://b.example.com/", events=list(WebhookEvent),
        description="d", status="disabled",
    )  # fmt: skip
    assert webhooks.get("talk") == changed
    assert (changed.url, changed.description, changed.status.value) == (
        "https://b.example.com/", "d", "DISABLED",
    )  # fmt: skip
    assert len(changed.events) == len(WebhookEvent)
    assert changed.has_secret
    assert not webhooks.update("talk", secret="").has_secret
    with pytest.raises(NotFound, match="talk"):
        webhooks.get("chat")


def test_delete_leaves_no_webhook_and_no_history(store: MemoryStore) -> None:
    webhooks = opened(store)
    made = webhooks.create("chat", URL, EVENTS)
    webhooks._progress.change(made.webhook_id, lambda progress: progress)
    assert store.list("webhooks/progress/")
    webhooks.delete("chat")
    assert webhooks.list() == opened(store).list() == []
    assert not store.list("webhooks/progress/")
    with pytest.raises(NotFound):
        webhooks.delete("chat")


def test_secret_is_nowhere_in_the_clear(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    webhooks = opened(store)
    made = webhooks.create("chat", URL, EVENTS, secret=SECRET)
    webhooks.update("chat", secret=SECRET + "!")
    shown = [repr(made), str(made), repr(made.__rich_repr__()), str(made.document()), caplog.text]
    shown += [repr(webhooks._secrets), repr(opened(store).list())]
    assert SECRET.encode() not in everything_in(store)
    assert not [
        text for text in shown if SECRET in text or KEY in text or "token=abc" in repr(made)
    ]
    assert (
        webhooks._secrets.open(made.webhook_id, webhooks.get("chat").sealed_secret) == SECRET + "!"
    )


def test_secret_without_a_key_is_refused_and_nothing_is_written(store: MemoryStore) -> None:
    with pytest.raises(InvalidInput, match="STAGELINE_WEBHOOK_KEYS") as refused:
        opened(store, webhook_keys="").create("chat", URL, EVENTS, secret=SECRET)
    assert SECRET not in str(refused.value)
    assert store.list("") == []


def test_key_that_is_none_is_not_shown(store: MemoryStore) -> None:
    with pytest.raises(InvalidInput, match="is no key") as refused:
        opened(store, webhook_keys="hunter2").create("chat", URL, EVENTS, secret=SECRET)
    assert "hunter2" not in str(refused.value)


def test_keys_are_rotated_by_putting_a_new_one_first(store: MemoryStore) -> None:
    new = Fernet.generate_key().decode()
    made = opened(store).create("chat", URL, EVENTS, secret=SECRET)
    rotated = opened(store, webhook_keys=f"{new},{KEY}")
    assert rotated._secrets.open(made.webhook_id, made.sealed_secret) == SECRET
    again = rotated.update("chat", secret=SECRET)
    only_new = opened(store, webhook_keys=new)
    assert only_new._secrets.open(made.webhook_id, again.sealed_secret) == SECRET
    with pytest.raises(NotAllowed, match="not in STAGELINE_WEBHOOK_KEYS"):
        only_new._secrets.open(made.webhook_id, made.sealed_secret)
    with pytest.raises(NotAllowed, match="not set here"):
        opened(store, webhook_keys="")._secrets.open(made.webhook_id, made.sealed_secret)


def test_sealed_secret_does_not_open_for_another_webhook(store: MemoryStore) -> None:
    webhooks = opened(store)
    made = webhooks.create("chat", URL, EVENTS, secret=SECRET)
    other = webhooks.create("other", URL, EVENTS)
    with pytest.raises(Corrupt, match="another webhook"):
        webhooks._secrets.open(other.webhook_id, made.sealed_secret)


def test_name_is_had_once(store: MemoryStore) -> None:
    webhooks = opened(store)
    made = webhooks.create("chat", URL, EVENTS)
    webhooks.create("talk", URL, EVENTS)
    with pytest.raises(AlreadyExists, match="chat"):
        opened(store).create("chat", URL, EVENTS)
    with pytest.raises(AlreadyExists, match="chat"):
        webhooks.update("talk", new_name="chat")
    assert webhooks.update("chat", new_name="chat").webhook_id == made.webhook_id


def test_two_hosts_that_create_at_once_both_stay(store: MemoryStore) -> None:
    one, other = opened(store), opened(store)
    one.list(), other.list()
    one.create("a", URL, EVENTS)
    other.create("b", URL, EVENTS)
    with pytest.raises(AlreadyExists):
        other.create("a", URL, EVENTS)
    one.update("b", description="by one")
    assert [(w.name, w.description) for w in other.list()] == [("a", ""), ("b", "by one")]


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.REPEATED, Fault.LOST_CALL])
def test_answer_that_is_lost_makes_no_second_webhook(store: MemoryStore, fault: Fault) -> None:
    with_versions(store, 1)
    for at in range(1, 10):
        faulty = FaultyStore(store, plan=Plan(at={at: fault}))
        try:
            opened(faulty).create(f"w{at}", URL, EVENTS)
        except OSError:  # a read that failed; nothing was written
            assert f"w{at}" not in [one.name for one in opened(store).list()]
        else:
            assert [one.name for one in opened(store).list()].count(f"w{at}") == 1


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a" * 64, "é", "a\n", "a/b"])
def test_bad_name(store: MemoryStore, name: str) -> None:
    with pytest.raises(InvalidInput, match="webhook name"):
        opened(store).create(name, URL, EVENTS)
    assert store.list("") == []


def test_bad_event_names_those_that_there_are(store: MemoryStore) -> None:
    with pytest.raises(InvalidInput, match=r"model_version_stage\.changed"):
        opened(store).create("chat", URL, ["prompt.created"])
    with pytest.raises(InvalidInput, match="needs an event"):
        opened(store).create("chat", URL, [])
    with pytest.raises(InvalidInput, match="DISABLED"):
        opened(store).create("chat", URL, EVENTS, status="off")
    with pytest.raises(InvalidInput, match="secret"):
        opened(store).create("chat", URL, EVENTS, secret="x" * 1001)


def test_unknown_fields_of_a_later_version_stay(store: MemoryStore) -> None:
    opened(store).create("chat", URL, EVENTS)
    (entry,) = store.list("webhooks/log/")
    store.replace(entry.key, store.read(entry.key).replace(b'"done":', b'"later":7,"done":'))
    opened(store).create("talk", URL, EVENTS)
    newest = store.list("webhooks/log/")[0]
    assert b'"later":7' in store.read(newest.key)


def test_store_that_does_not_refuse_what_exists_is_refused(store: MemoryStore) -> None:
    class Careless(CountingStore):
        is_exclusive = False

    with pytest.raises(NotAllowed, match="does not refuse"):
        opened(Careless(new_store())).create("chat", URL, EVENTS)


def test_webhook_that_is_created_later_is_not_told_the_past(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.transition("wine", 1, "Staging")
    made = opened(store).create("chat", URL, EVENTS)
    assert made.since == open_registry(store)._ledger.newest()


def test_so_many_that_race_are_told(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    webhooks = opened(store)
    monkeypatch.setattr(webhooks._book.entries, "append", lambda number, data: False)
    with pytest.raises(Conflict, match="too many at once"):
        webhooks.create("chat", URL, EVENTS)


FORMATS = Path(__file__).parent / "formats"
KEPT_KEY = "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="


def kept_store() -> MemoryStore:
    """Webhooks as version 1 of the formats wrote them. Never edit those files."""
    store = new_store()
    for folder, key in (
        ("webhooks-1", "webhooks/log/"),
        ("webhook_progress-1", "webhooks/progress/0c916d1a8c364a5fbf0c90cddba068fb/"),
    ):
        for file in (FORMATS / folder).iterdir():
            store.replace(key + file.name, file.read_bytes())
    return store


def test_what_version_1_wrote_is_read() -> None:
    webhooks = opened(kept_store(), webhook_keys=KEPT_KEY)
    (chat,) = webhooks.list()
    assert (chat.name, chat.url, chat.description, chat.status.value, chat.revision) == (
        "chat", "https://hooks.example.com/chat", "Tells the team.", "DISABLED", 4,
    )  # fmt: skip
    assert chat.events == ("model_version.created", "model_version_stage.changed")
    assert webhooks._secrets.open(chat.webhook_id, chat.sealed_secret) == "correct horse"
    failed, delivered = webhooks.history("chat")
    assert (failed.status, failed.outcome.value, failed.entry, failed.part) == (503, "failed", 2, 0)
    assert (delivered.status, delivered.outcome.value, delivered.part) == (200, "delivered", 1)
    progress = webhooks._progress.read(chat.webhook_id)
    assert progress.holder == ""
    assert (progress.place("wine").position, progress.place("wine").failures) == ((1, 0), 1)


def test_today_writes_what_version_1_wrote() -> None:
    for folder, kind in (("webhooks-1", WebhookBook), ("webhook_progress-1", Progress)):
        for file in (FORMATS / folder).iterdir():
            then = msgspec.json.decode(file.read_bytes())
            document = msgspec.json.decode(file.read_bytes(), type=kind)
            assert msgspec.json.decode(msgspec.json.encode(document)) == then
