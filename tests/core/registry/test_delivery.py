"""What happens in the registry is told at least once, each model's events in order, whatever dies in between."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet
from processes import start
from receiver import Received, Receiver, receiving
from registered import TIME, MadeUpFacts, new_store, open_registry, run, with_versions

from stageline import Workspace
from stageline.domain.policy import MetricRule, Policy
from stageline.domain.webhook import WebhookEvent
from stageline.domain.webhook_examples import EXAMPLES
from stageline.domain.webhook_progress import Outcome
from stageline.errors import InvalidInput, NotAllowed, NotFound, StorageFailed
from stageline.registry.delivery import FIRST_WAIT_S, LONGEST_WAIT_S, Report, wait_s
from stageline.registry.webhooks import Webhooks
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan

KEY = Fernet.generate_key().decode()
SECRET = "correct horse battery staple"
STAGES = ["model_version_stage.changed"]
HOUR_S = 3600


def opened(store: ObjectStore, clock: FixedClock | None = None, **settings: Any) -> Webhooks:
    """As another process would: it remembers nothing."""
    given = {
        "webhook_keys": KEY, "webhook_allow": "127.0.0.0/8", "webhook_http": True, "webhook_attempts": 4,
        "webhook_timeout_s": 20.0, **settings,
    }  # fmt: skip
    return Webhooks(store, clock or FixedClock(TIME), Settings(**given), "ann")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


def settled(webhooks: Webhooks, clock: FixedClock, turns: int = 50) -> Report:
    """Deliver until nothing waits, an hour apart."""
    report = Report()
    for _ in range(turns):
        done = webhooks.deliver()
        report += done
        if not done.failed and not done.busy:
            return report
        clock.sleep(HOUR_S)
    raise AssertionError("it never settles")


def stages_told(receiver: Receiver) -> list[str]:
    return [
        f"{one.document['data']['name']}/{one.document['data']['version']}->{one.document['data']['to_stage']}"
        for one in receiver.received
    ]


# -- what is told ---------------------------------------------------------------------------------


def test_every_event_is_told_with_its_data(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("all", receiver.url, list(WebhookEvent))
    facts = MadeUpFacts({"r1": run("1", rmse=0.5), "r2": run("2", rmse=2.0)})
    registry = open_registry(store, facts=facts)
    registry.create_registered_model("wine", {"team": "risk"}, "Scores wine.")
    registry.register("wine", "r1", tags={"a": "b"}, description="first")
    registry.register("wine", "r2")
    registry.set_version_tag("wine", 1, "k", "v")
    registry.delete_version_tag("wine", 1, "k")
    registry.set_alias("wine", "champion", 1)
    registry.delete_alias("wine", "champion")
    registry.transition("wine", 1, "Staging", reason="why")
    policy = Policy(rules=(MetricRule(condition="metrics.rmse < 1"),), approvals=1)
    registry.set_policy("wine", "Production", policy)
    registry.request_transition("wine", 1, "Production", comment="please")
    registry.approve("wine", 1, actor="bob", comment="yes")
    registry.request_transition("wine", 1, "Staging")
    registry.cancel("wine", 2)
    with pytest.raises(NotAllowed):
        registry.transition("wine", 2, "Production")

    assert webhooks.deliver() == Report(delivered=16)
    assert webhooks.deliver() == Report()
    assert receiver.told == [
        "registered_model.created",
        "model_version.created",
        "model_version.created",
        "model_version_tag.set",
        "model_version_tag.deleted",
        "model_version_alias.created",
        "model_version_alias.deleted",
        "model_version_stage.changed",
        "transition_request.created",
        "transition_request.approved",
        "model_version_stage.changed",
        "transition_request.closed",
        "transition_request.created",
        "transition_request.closed",
        "transition_request.created",
        "transition_request.closed",
    ]
    told = [one.document["data"] for one in receiver.received]
    assert told[0] == {"name": "wine", "tags": {"team": "risk"}, "description": "Scores wine."}
    assert told[1] == {
        "name": "wine", "version": "1", "source": "memory://runs/1", "run_id": "r1", "tags": {"a": "b"},
        "description": "first",
    }  # fmt: skip
    assert told[3] == {"name": "wine", "version": "1", "key": "k", "value": "v"}
    assert told[4] == {"name": "wine", "version": "1", "key": "k"}
    assert told[5] == {"name": "wine", "alias": "champion", "version": "1"}
    assert told[6] == {"name": "wine", "alias": "champion"}
    assert (told[7]["from_stage"], told[7]["to_stage"], told[7]["reason"]) == (
        "None", "Staging", "why",
    )  # fmt: skip
    assert (told[9]["by"], told[9]["comment"], told[9]["to_stage"]) == ("bob", "yes", "Production")
    assert [told[at]["status"] for at in (11, 13, 15)] == ["approved", "cancelled", "refused"]


def test_examples_have_the_fields_of_what_is_told(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("all", receiver.url, list(EXAMPLES))
    registry = with_versions(store, 1)
    registry.set_version_tag("wine", 1, "k", "v")
    registry.delete_version_tag("wine", 1, "k")
    registry.set_alias("wine", "a", 1)
    registry.delete_alias("wine", "a")
    registry.transition("wine", 1, "Staging")
    webhooks.deliver()
    assert len(receiver.received) == len(EXAMPLES)
    for one in receiver.received:
        assert list(one.document["data"]) == list(EXAMPLES[WebhookEvent(one.event)])


def test_request_is_signed_as_mlflow_documents_it(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("signed", receiver.url + "?q=1", STAGES, secret=SECRET)
    webhooks.create("plain", receiver.url + "/plain", STAGES)
    with_versions(store, 1).transition("wine", 1, "Staging")
    webhooks.deliver()
    by_path = {one.path: one for one in receiver.received}
    signed, plain = by_path["/hook?q=1"], by_path["/hook/plain"]
    assert signed.is_signed_with(SECRET)
    assert not signed.is_signed_with(SECRET + "!")
    assert signed.headers["content-type"] == "application/json"
    assert signed.headers["x-mlflow-timestamp"] == str(TIME // 1000)
    assert list(signed.document) == ["entity", "action", "timestamp", "data"]
    assert signed.document["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert "x-mlflow-signature" not in plain.headers
    assert plain.delivery_id != signed.delivery_id


def test_only_what_was_asked_for_is_told_and_only_to_the_active(
    store: MemoryStore, receiver: Receiver
) -> None:
    webhooks = opened(store)
    webhooks.create("aliases", receiver.url, ["model_version_alias.created"])
    webhooks.create("off", receiver.url, STAGES, status="DISABLED")
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    registry.set_alias("wine", "champion", 1)
    assert webhooks.deliver().delivered == 1
    webhooks.update("off", status="ACTIVE")
    assert webhooks.deliver().delivered == 0, "what happened while it was off is not told"
    registry.transition("wine", 1, "Production")
    assert webhooks.deliver().delivered == 1
    assert receiver.told == ["model_version_alias.created", "model_version_stage.changed"]


def test_cursor_spares_the_past(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    cursor = registry.cursor()
    registry.transition("wine", 1, "Production")
    assert webhooks.deliver(cursor).delivered == 1
    assert opened(store).deliver().delivered == 0
    assert stages_told(receiver) == ["wine/1->Production"]
    with pytest.raises(InvalidInput, match="cursor"):
        webhooks.deliver("x")


def test_past_that_was_spared_stays_spared_if_nothing_came_after(
    store: MemoryStore, receiver: Receiver
) -> None:
    webhooks = opened(store)
    webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    assert webhooks.deliver(registry.cursor()) == Report()
    assert opened(store).deliver() == Report()
    assert receiver.received == []


def test_quiet_call_costs_a_listing_for_the_registry_and_one_for_each_webhook(
    store: MemoryStore, receiver: Receiver
) -> None:
    counting = CountingStore(store)
    webhooks = opened(counting)
    for name in ("a", "b"):
        webhooks.create(name, receiver.url, STAGES)
    registry = with_versions(store, 5)
    registry.transition("wine", 1, "Staging")
    webhooks.deliver()
    with counting.counted() as c:
        webhooks.deliver()
    assert c.by_verb() == {"list": 4}, "the webhooks, the registry, and how each webhook stands"
    registry.transition("wine", 1, "Production")
    with counting.counted() as c:
        webhooks.deliver()
    assert c.by_verb()["create"] == 4, "for each: taken, and told"


def test_what_is_nothing_for_a_webhook_is_read_once(store: MemoryStore, receiver: Receiver) -> None:
    counting = CountingStore(store)
    webhooks = opened(counting)
    webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    for number in range(100):
        registry.set_tag("wine", "n", str(number))
    webhooks.deliver()
    other = opened(counting)
    with counting.counted() as c:
        other.deliver()
    assert c.by_verb()["read"] <= 3, "that there was nothing is written down"
    registry.transition("wine", 1, "Staging")
    assert other.deliver().delivered == 1


# -- failures -------------------------------------------------------------------------------------


def test_failed_delivery_is_tried_again_with_the_same_id_and_body(
    store: MemoryStore, receiver: Receiver
) -> None:
    clock = FixedClock(TIME)
    webhooks = opened(store, clock)
    webhooks.create("w", receiver.url, STAGES, secret=SECRET)
    receiver.answer = lambda one, handler: 500 if len(receiver.received) < 3 else 200
    with_versions(store, 1).transition("wine", 1, "Staging")
    assert webhooks.deliver() == Report(failed=1)
    assert webhooks.deliver() == Report(), "its time has not come"
    clock.sleep(HOUR_S)
    assert opened(store, clock).deliver() == Report(failed=1)
    clock.sleep(HOUR_S)
    assert webhooks.deliver() == Report(delivered=1)
    assert webhooks.deliver() == Report()
    assert len({(one.delivery_id, one.body) for one in receiver.received}) == 1
    assert len({one.headers["x-mlflow-timestamp"] for one in receiver.received}) == 3
    assert all(one.is_signed_with(SECRET) for one in receiver.received)
    history = webhooks.history("w")
    assert [(one.number, one.status, one.outcome.value) for one in history] == [
        (3, 200, "delivered"), (2, 500, "failed"), (1, 500, "failed"),
    ]  # fmt: skip
    assert all(one.duration_ms >= 0 and one.event == STAGES[0] for one in history)


@pytest.mark.parametrize("status", [204, 301, 400, 401, 404, 410, 429, 500, 503])
def test_only_2xx_is_a_delivery(store: MemoryStore, receiver: Receiver, status: int) -> None:
    webhooks = opened(store)
    webhooks.create("w", receiver.url, STAGES)
    receiver.answer = lambda one, handler: status
    with_versions(store, 1).transition("wine", 1, "Staging")
    report = webhooks.deliver()
    assert (report.delivered, report.failed) == ((1, 0) if status == 204 else (0, 1))
    assert webhooks.history("w")[0].status == status


def test_receiver_is_heard_when_it_says_how_long_to_wait(
    store: MemoryStore, receiver: Receiver
) -> None:
    def busy(one: Received, handler: BaseHTTPRequestHandler) -> int:
        handler.send_response(429)
        handler.send_header("Retry-After", "1800")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return 0

    clock = FixedClock(TIME)
    webhooks = opened(store, clock)
    webhooks.create("w", receiver.url, STAGES)
    receiver.answer = busy
    with_versions(store, 1).transition("wine", 1, "Staging")
    webhooks.deliver()
    clock.sleep(1799)
    assert webhooks.deliver() == Report()
    clock.sleep(2)
    assert webhooks.deliver() == Report(failed=1)


def test_waits_grow_with_jitter_to_a_limit() -> None:
    for failures in range(1, 30):
        limit = min(FIRST_WAIT_S * 2 ** (failures - 1), LONGEST_WAIT_S)
        waits = [wait_s(failures) for _ in range(20)]
        assert all(1 <= wait <= limit for wait in waits)
        assert len(set(waits)) > 1


def test_dead_delivery_is_given_up_and_the_history_says_so(
    store: MemoryStore, receiver: Receiver
) -> None:
    clock = FixedClock(TIME)
    webhooks = opened(store, clock)
    webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    registry.transition("wine", 1, "Production")
    receiver.answer = lambda one, handler: (
        500 if one.document["data"]["to_stage"] == "Staging" else 200
    )
    assert settled(webhooks, clock) == Report(failed=3, given_up=1, delivered=1)
    assert stages_told(receiver) == ["wine/1->Staging"] * 4 + ["wine/1->Production"]
    (dead,) = webhooks.history("w", outcome=Outcome.GIVEN_UP)
    assert (dead.number, dead.status, dead.model, dead.event) == (4, 500, "wine", STAGES[0])

    receiver.answer = lambda one, handler: 200
    again = webhooks.replay("w", dead.delivery_id)
    assert again.outcome is Outcome.DELIVERED
    assert receiver.received[-1].delivery_id == dead.delivery_id
    assert receiver.received[-1].body == receiver.received[0].body
    assert webhooks.history("w", limit=1) == [again]
    assert webhooks.deliver() == Report(), "a replay moves nothing"


def test_replay_that_fails_says_so_and_unknown_ids_are_refused(
    store: MemoryStore, receiver: Receiver
) -> None:
    webhooks = opened(store)
    webhooks.create("w", receiver.url, STAGES)
    with_versions(store, 1).transition("wine", 1, "Staging")
    webhooks.deliver()
    receiver.answer = lambda one, handler: 503
    failed = webhooks.replay("w", receiver.received[0].delivery_id)
    assert (failed.outcome, failed.status) == (Outcome.GIVEN_UP, 503)
    with pytest.raises(NotFound, match="history"):
        webhooks.replay("w", "x")


def test_failing_model_waits_alone_and_keeps_its_order(
    store: MemoryStore, receiver: Receiver
) -> None:
    clock = FixedClock(TIME)
    webhooks = opened(store, clock)
    webhooks.create("w", receiver.url, STAGES)
    for name in ("ale", "wine"):
        registry = with_versions(store, 2, name)
        registry.transition(name, 1, "Production")
        registry.transition(name, 2, "Production", archive_existing=True)
    fails = Counter[str]()

    def answer(one: Received, handler: BaseHTTPRequestHandler) -> int:
        fails[one.delivery_id] += 1
        return 500 if one.document["data"]["name"] == "ale" and fails[one.delivery_id] < 3 else 200

    receiver.answer = answer
    assert webhooks.deliver() == Report(delivered=3, failed=1)
    clock.sleep(HOUR_S)
    settled(webhooks, clock)
    told = stages_told(receiver)
    assert [one for one in told if one.startswith("wine")] == [
        "wine/1->Production", "wine/1->Archived", "wine/2->Production",
    ]  # fmt: skip
    ale = [one for one in told if one.startswith("ale")]
    assert ale == [
        one for one in ("ale/1->Production", "ale/1->Archived", "ale/2->Production") for _ in "123"
    ]


def test_dead_webhook_does_not_hold_up_others(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("dead", "http://127.0.0.1:9/", STAGES)
    webhooks.create("w", receiver.url, STAGES)
    with_versions(store, 1).transition("wine", 1, "Staging")
    assert webhooks.deliver() == Report(delivered=1, failed=1)
    (failed,) = webhooks.history("dead")
    assert failed.status is None
    assert "refused" in failed.error


def test_receiver_that_hangs_costs_the_time_out(store: MemoryStore, receiver: Receiver) -> None:
    def hang(one: Received, handler: BaseHTTPRequestHandler) -> int:
        receiver.released.wait(60)
        return 0

    receiver.answer = hang
    webhooks = opened(store, webhook_timeout_s=0.2)
    webhooks.create("w", receiver.url, STAGES)
    with_versions(store, 1).transition("wine", 1, "Staging")
    assert webhooks.deliver() == Report(failed=1)
    assert webhooks.history("w")[0].error == "no answer within 0.2 s"
    receiver.released.set()


def test_key_that_is_not_here_costs_no_attempt(store: MemoryStore, receiver: Receiver) -> None:
    opened(store).create("signed", receiver.url, STAGES, secret=SECRET)
    with_versions(store, 1).transition("wine", 1, "Staging")
    here = opened(store, webhook_keys="")
    assert "STAGELINE_WEBHOOK_KEYS" in here.deliver().problems["signed"]
    assert here.history("signed") == []
    assert receiver.received == []
    assert opened(store).deliver().delivered == 1


def test_place_that_is_forbidden_here_is_never_connected_to(
    store: MemoryStore, receiver: Receiver
) -> None:
    """The guard is that of the host that delivers, whatever the one allowed where the webhook was made."""
    opened(store).create("w", receiver.url, STAGES)
    with_versions(store, 1).transition("wine", 1, "Staging")
    careful = opened(store, webhook_allow="", webhook_ports=str(receiver.port))
    assert careful.deliver() == Report(failed=1)
    assert "not a public address" in careful.history("w")[0].error
    assert receiver.received == []


# -- several, and the dead ------------------------------------------------------------------------


class Killed(BaseException):
    """No `except Exception` sees it, as none sees a kill -9."""


class DyingStore(CountingStore):
    """Dies at the n-th create, before or after it took effect, and answers nothing more."""

    def __init__(self, inner: ObjectStore, at: int, *, after: bool) -> None:
        super().__init__(inner)
        self.at, self.after, self.calls = at, after, 0

    def create(self, key: str, data: bytes) -> bool:
        self.calls += 1
        if self.calls > self.at or (self.calls == self.at and not self.after):
            raise Killed
        created = super().create(key, data)
        if self.calls == self.at:
            raise Killed
        return created


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_kill_at_any_request_loses_nothing_and_keeps_the_order(is_after: bool) -> None:
    for at in range(1, 50):
        store, clock = new_store(), FixedClock(TIME)
        with receiving() as receiver:
            opened(store, clock).create("w", receiver.url, STAGES)
            registry = with_versions(store, 2)
            for stage in ("Staging", "Production", "Archived"):
                registry.transition("wine", 1, stage)
            registry.transition("wine", 2, "Production")
            dying = DyingStore(store, at, after=is_after)
            try:
                opened(dying, clock).deliver()
            except Killed:
                pass
            else:
                break
            heir = opened(store, clock)
            settled(heir, clock)
            first = list(dict.fromkeys(stages_told(receiver)))
            assert first == [
                "wine/1->Staging", "wine/1->Production", "wine/1->Archived", "wine/2->Production",
            ]  # fmt: skip
            assert len(receiver.received) <= 5, (
                "at most the one that was not written down is doubled"
            )
            assert len({one.delivery_id for one in receiver.received}) == 4
    assert at == 6


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.REPEATED, Fault.LOST_CALL])
def test_answers_of_the_store_that_are_lost_double_nothing_more(fault: Fault) -> None:
    for at in range(1, 60):
        store, clock = new_store(), FixedClock(TIME)
        with receiving() as receiver:
            opened(store, clock).create("w", receiver.url, STAGES)
            registry = with_versions(store, 1)
            for stage in ("Staging", "Production"):
                registry.transition("wine", 1, stage)
            faulty = FaultyStore(store, plan=Plan(at={at: fault}))
            try:
                opened(faulty, clock).deliver()
            except StorageFailed:
                assert fault is Fault.LOST_CALL
                clock.sleep(HOUR_S)
                settled(opened(store, clock), clock)
            assert list(dict.fromkeys(stages_told(receiver))) == [
                "wine/1->Staging", "wine/1->Production",
            ]  # fmt: skip
            assert len(receiver.received) <= (3 if fault is Fault.LOST_CALL else 2)
            if faulty.calls < at:
                break
    else:
        raise AssertionError("it never comes to an end")


def test_several_deliverers_tell_each_thing_once(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    for name in ("a", "b", "c"):
        webhooks.create(name, f"{receiver.url}/{name}", STAGES)
    registry = with_versions(store, 8)
    for version in range(1, 9):
        registry.transition("wine", version, "Staging")
    clock = FixedClock(TIME)
    failures: list[BaseException] = []

    def deliver() -> None:
        try:
            one = opened(store, clock)
            while (report := one.deliver()).busy or report.delivered:
                pass
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(receiver.received) == 24
    assert len({one.delivery_id for one in receiver.received}) == 24
    for name in ("a", "b", "c"):
        mine = [
            one.document["data"]["version"] for one in receiver.received if one.path.endswith(name)
        ]
        assert mine == [str(version) for version in range(1, 9)]


def test_deliverer_that_was_paused_too_long_lets_its_heir_go_on(
    store: MemoryStore, receiver: Receiver
) -> None:
    clock = FixedClock(TIME)
    webhooks, heir = opened(store, clock), opened(store, clock)
    webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    registry.transition("wine", 1, "Production")
    paused: list[Report] = []

    def pause(one: Received, handler: BaseHTTPRequestHandler) -> int:
        if len(receiver.received) == 1:
            assert heir.deliver().busy == ("w",)
            clock.sleep(HOUR_S)
            paused.append(heir.deliver())
        return 200

    receiver.answer = pause
    assert webhooks.deliver() == Report(busy=("w",))
    assert paused == [Report(delivered=2)]
    assert stages_told(receiver) == ["wine/1->Staging", "wine/1->Staging", "wine/1->Production"]
    assert webhooks.deliver() == Report()


def test_stop_ends_after_what_is_under_way_and_lets_go(
    store: MemoryStore, receiver: Receiver
) -> None:
    webhooks, stop = opened(store), Event()
    webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    registry.transition("wine", 1, "Staging")
    registry.transition("wine", 1, "Production")

    def stopping(one: Received, handler: BaseHTTPRequestHandler) -> int:
        stop.set()
        return 200

    receiver.answer = stopping
    reports: list[Report] = []
    webhooks.run(stop, poll_s=0.01, told=reports.append)
    assert reports == [Report(delivered=1)]
    assert opened(store).deliver() == Report(delivered=1), "nobody has to wait for who stopped"


def test_run_goes_on_when_the_store_was_away(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("w", receiver.url, STAGES)
    with_versions(store, 1).transition("wine", 1, "Staging")
    stop = Event()
    receiver.answer = lambda one, handler: stop.set() or 200
    faulty = FaultyStore(store, plan=Plan(at={1: Fault.LOST_CALL}))
    opened(faulty).run(stop, poll_s=0.01, told=lambda report: None)
    assert len(receiver.received) == 1


DELIVER = """
import sys
from stageline import Workspace
Workspace.open(sys.argv[1]).webhooks.deliver()
"""


def test_deliverer_killed_between_post_and_record_is_followed_by_another(
    tmp_path: Path, receiver: Receiver
) -> None:
    """kill -9, by the receiver, while it answers: nobody wrote down that it was told."""
    url = str(tmp_path / "store")
    environment = {
        "STAGELINE_WEBHOOK_ALLOW": "127.0.0.0/8", "STAGELINE_WEBHOOK_HTTP": "1", "STAGELINE_WEBHOOK_KEYS": KEY,
    }  # fmt: skip
    workspace = Workspace.open(
        url, webhook_allow="127.0.0.0/8", webhook_http=True, webhook_keys=KEY
    )
    workspace.webhooks.create("w", receiver.url, STAGES, secret=SECRET)
    workspace.registry.register("wine", source="s3://1")
    workspace.registry.transition("wine", 1, "Staging")
    workspace.registry.transition("wine", 1, "Production")
    ready = Event()

    def kill(one: Received, handler: BaseHTTPRequestHandler) -> int:
        assert ready.wait(60)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(60)
        return 200

    receiver.answer = kill
    with start(DELIVER, url, **environment) as child:
        ready.set()
        child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert stages_told(receiver) == ["wine/1->Staging"]

    receiver.answer = lambda one, handler: 200
    now = FixedClock(workspace.clock.now_ms())
    heir = Webhooks(workspace.store, now, workspace.settings, "ann")
    assert heir.deliver() == Report(busy=("w",)), "it may be alive"
    now.sleep(HOUR_S)
    assert heir.deliver() == Report(delivered=2)
    assert stages_told(receiver) == ["wine/1->Staging", "wine/1->Staging", "wine/1->Production"]
    assert receiver.received[0].delivery_id == receiver.received[1].delivery_id
    assert all(one.is_signed_with(SECRET) for one in receiver.received)


# -- a try ----------------------------------------------------------------------------------------


def test_test_sends_an_example_and_writes_nothing(store: MemoryStore, receiver: Receiver) -> None:
    webhooks = opened(store)
    webhooks.create("w", receiver.url, ["transition_request.closed", *STAGES], secret=SECRET)
    counting = CountingStore(store)
    with counting.counted() as c:
        answer = opened(counting).test("w")
        opened(counting).test("w", "model_version.created")
    assert (answer.status, answer.is_success, answer.body) == (200, True, b"ok")
    assert receiver.told == ["model_version_stage.changed", "model_version.created"]
    assert all(one.is_signed_with(SECRET) for one in receiver.received)
    assert set(c.by_verb()) <= {"list", "read"}
    assert webhooks.history("w") == []
    with pytest.raises(InvalidInput, match="event"):
        webhooks.test("w", "prompt.created")


def test_history_is_pruned_but_what_stands_stays(
    store: MemoryStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stageline.registry import webhook_progress

    monkeypatch.setattr(webhook_progress, "KEPT", 4)
    monkeypatch.setattr(webhook_progress, "PRUNE_EVERY", 10)
    webhooks = opened(store)
    made = webhooks.create("w", receiver.url, STAGES)
    registry = with_versions(store, 1)
    for number in range(20):
        registry.transition("wine", 1, ["Staging", "Production"][number % 2])
        assert webhooks.deliver().delivered == 1
    assert len(store.list(f"webhooks/progress/{made.webhook_id}/")) < 14
    assert opened(store).deliver() == Report()
