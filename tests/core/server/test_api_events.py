"""The feed of transitions: by cursor, waited for, and streamed; who leaves is noticed, and nothing is told twice."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from typing import Any

import pytest
from asking import Asked, Reply
from processes import WITHIN_S, until

from stageline.errors import InvalidInput
from stageline.registry.events import decode_cursor, encode_cursor
from stageline.server.api import event_stream, positions
from stageline.server.api.app import PREFIX
from stageline.server.api.feed import is_done_within
from stageline.server.caller import Caller, Grant
from stageline.server.options import Limits, Options
from stageline.serving.door import Door
from stageline.testing.clock import FixedClock
from stageline.workspace import Workspace


class Stream:
    """One connection to the stream of a server, as a browser holds it."""

    def __init__(self, server: Asked, query: str = "", **headers: str) -> None:
        self.said: queue.Queue[Any] = queue.Queue()
        self._left = asyncio.Event()
        self._began = False
        self._stuck = asyncio.Event()
        self.reads = True
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "method": "GET",
            "path": f"{PREFIX}/events/stream",
            "raw_path": b"",
            "query_string": query.encode(),
            "headers": [(b"host", b"127.0.0.1")]
            + [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 5000),
        }
        self.loop = server.loop
        self.door = Door(server.app, None)
        self.done = asyncio.run_coroutine_threadsafe(
            self.door(scope, self._receive, self._send), self.loop
        )

    async def _receive(self) -> dict[str, Any]:
        if not self._began:
            self._began = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if not self.reads:
            await self._stuck.wait()
        self.said.put(message)

    def next(self) -> Any:
        return self.said.get(timeout=WITHIN_S)

    def leave(self) -> None:
        self.loop.call_soon_threadsafe(self._left.set)
        self.done.result(WITHIN_S)

    def events(self, count: int) -> list[tuple[str, Any]]:
        """So many events with their ids, passing over what is none."""
        found: list[tuple[str, Any]] = []
        while len(found) < count:
            block = self.next().get("body", b"").decode()
            for part in block.split("\n\n"):
                fields = dict(line.split(": ", 1) for line in part.splitlines() if ": " in line)
                if "data" in fields:
                    found.append((fields.get("id", ""), json.loads(fields["data"])))
        return found


@pytest.fixture
def wine(server: Asked, workspace: Workspace) -> Asked:
    """A server that knows a model of three versions."""
    for number in (1, 2, 3):
        workspace.registry.register("wine", source=f"s3://models/{number}")
    return server


def feed(server: Asked, **query: Any) -> Reply:
    return server.ask("GET", f"{PREFIX}/events", query=query)


def test_feed_goes_on_from_its_cursor(wine: Asked, workspace: Workspace) -> None:
    for version in (1, 2):
        workspace.registry.transition("wine", version, "Staging")
    first = feed(wine, limit=1).json
    assert [one["version"] for one in first["events"]] == [1]
    rest = feed(wine, since=first["cursor"]).json
    assert [one["version"] for one in rest["events"]] == [2]
    assert feed(wine, since=rest["cursor"]).json["events"] == []


def test_waiting_answers_as_soon_as_something_happens(wine: Asked, workspace: Workspace) -> None:
    replies: list[Reply] = []
    asking = threading.Thread(target=lambda: replies.append(feed(wine, since="now", wait=30)))
    asking.start()
    news = wine.api.state.news
    until(lambda: news.listeners == 1, "waiting")
    workspace.registry.transition("wine", 1, "Staging")
    asking.join(WITHIN_S)
    assert [one["to_stage"] for one in replies[0].json["events"]] == ["Staging"]
    until(lambda: news.listeners == 0, "nobody waits")


def test_stream_tells_what_was_and_what_comes(wine: Asked, workspace: Workspace) -> None:
    workspace.registry.transition("wine", 1, "Staging")
    stream = Stream(wine)
    start = stream.next()
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert stream.events(1)[0][1]["version"] == 1
    workspace.registry.transition("wine", 2, "Staging")
    assert stream.events(1)[0][1]["version"] == 2
    stream.leave()
    until(lambda: wine.api.state.news.listeners == 0, "nobody listens")


def test_stream_resumes_after_the_last_event_that_arrived(
    wine: Asked, workspace: Workspace
) -> None:
    for version in (1, 2, 3):
        workspace.registry.transition("wine", version, "Staging")
    stream = Stream(wine)
    ids = [one[0] for one in stream.events(3)]
    stream.leave()
    assert len(set(ids)) == 3
    again = Stream(wine, "since=now", last_event_id=ids[0])
    assert [one[1]["version"] for one in again.events(2)] == [2, 3]
    again.leave()


def test_events_of_one_instant_are_told_together_or_again(
    wine: Asked, workspace: Workspace
) -> None:
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.transition("wine", 2, "Production", archive_existing=True)
    stream = Stream(wine, "name=wine")
    told = stream.events(3)
    stream.leave()
    assert [bool(one[0]) for one in told] == [True, False, True]  # no id in the middle of an entry


def test_stream_beats_while_nothing_happens(wine: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.05)
    stream = Stream(wine, "since=now")
    until(lambda: stream.next().get("body", b"").startswith(b": "), "a heartbeat")
    stream.leave()


def test_client_that_does_not_read_is_given_up(
    wine: Asked, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PATIENCE_S", 0.05)
    stream = Stream(wine)
    stream.next()
    stream.reads = False
    workspace.registry.transition("wine", 1, "Staging")
    stream.done.result(WITHIN_S)
    assert wine.api.state.news.listeners == 0


def test_stream_ends_when_the_server_stops(wine: Asked) -> None:
    stream = Stream(wine)
    stream.next()
    stream.door.is_closing = True
    stream.done.result(WITHIN_S)
    last = None
    while not stream.said.empty():
        last = stream.next()
    assert last is not None
    assert not last.get("more_body")


def test_streams_are_bounded(workspace: Workspace) -> None:
    with Asked(workspace, Options(limits=Limits(listeners=1))) as server:
        stream = Stream(server)
        until(lambda: server.api.state.news.listeners == 1, "listening")
        second = Stream(server)
        assert second.next()["status"] == 429
        stream.leave()
        third = Stream(server)
        assert third.next()["status"] == 200
        third.leave()


def test_hidden_models_take_no_room_and_are_not_named(wine: Asked, workspace: Workspace) -> None:
    from test_api import signed_in

    for number in range(5):
        name = f"secret-{number}"
        workspace.registry.register(name, source="s3://models/1")
        workspace.registry.transition(name, 1, "Staging")
    workspace.registry.transition("wine", 1, "Staging")
    with signed_in(wine, Caller("eve", [Grant(frozenset({"read"}), models=("wine",))])):
        found = feed(wine, limit=1).json
        assert [one["name"] for one in found["events"]] == ["wine"]
        now = feed(wine, since="now").json
        everybody = encode_cursor({"secret-1": 1, "wine": 0})
        after = feed(wine, since=everybody).json
    for answer in (found, now, after):
        assert set(decode_cursor(answer["cursor"])) == {"wine"}


def test_cursor_of_many_models_is_kept_in_the_store(
    wine: Asked, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "LONGEST", 30)
    names = [f"model-{number}" for number in range(4)]
    for name in names:
        workspace.registry.register(name, source="s3://models/1")
        workspace.registry.transition(name, 1, "Staging")
    first = feed(wine, limit=2).json
    assert len(first["cursor"]) < 80
    rest = feed(wine, since=first["cursor"]).json
    assert sorted(one["name"] for one in first["events"] + rest["events"]) == names
    again = feed(wine, since=rest["cursor"]).json
    assert again == {"events": [], "cursor": rest["cursor"]}
    stream = Stream(wine, last_event_id=rest["cursor"])
    stream.next()
    workspace.registry.transition("wine", 1, "Staging")
    ((sent, event),) = stream.events(1)
    assert event["name"] == "wine"
    assert sent == ""  # its cursor comes after all of them
    stream.leave()


def test_kept_cursor_is_made_anew_weekly_and_collected_after_a_month(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "LONGEST", 30)
    clock = FixedClock(1_700_000_000_000)
    kept = positions.Positions(workspace.store, clock)
    cursor = encode_cursor({f"model-{number}": 1 for number in range(4)})
    sent = kept.sent(cursor)
    assert kept.read(sent) == cursor
    assert kept.sent(cursor, sent) == sent
    clock.sleep(8 * 86_400)
    later = kept.sent(cursor, sent)
    assert later != sent
    assert kept.read(later) == kept.read(sent) == cursor
    clock.sleep(25 * 86_400)
    opened = Workspace(workspace.store, workspace.settings, clock)
    collector = opened.collector()
    plan = collector.plan()
    assert len(plan.keys) == 1
    collector.mark(plan)
    collector.collect(collector.due(0))
    with pytest.raises(InvalidInput, match="since=now"):
        kept.read(sent)
    assert kept.read(later) == cursor


@pytest.mark.parametrize(
    "bad", ["at.1.zz", "at.1." + "0" * 64, "x", "at..", "at.9999999." + "0" * 64]
)
def test_what_is_no_cursor_is_refused(wine: Asked, bad: str) -> None:
    assert feed(wine, since=bad).status == 400


def test_wait_that_is_cancelled_as_it_ends_is_cancelled() -> None:
    async def both() -> bool:
        news = asyncio.Event()
        waiting = asyncio.ensure_future(
            is_done_within(asyncio.ensure_future(news.wait()), WITHIN_S)
        )
        for _ in range(3):
            await asyncio.sleep(0)
        news.set()
        await asyncio.sleep(0)  # the task inside has ended; whoever waits has not been told
        waiting.cancel()
        await asyncio.wait((waiting,))
        return waiting.cancelled()

    assert asyncio.run(both())
