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

from stageline.server.api import event_stream
from stageline.server.api.app import PREFIX
from stageline.server.options import Limits, Options
from stageline.serving.door import Door
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
