"""`stageline watch prefect`: transitions of the registry, whoever makes them, in Prefect's event feed."""

from __future__ import annotations

import datetime
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import typer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.filters import EventFilter, EventIDFilter, EventOccurredFilter

from prefect_stageline.events import event_of
from stageline.errors import StorageFailed
from stageline.tasks import forward_transitions

if TYPE_CHECKING:
    from prefect.events import Event

    from stageline.tasks import TransitionEvent

NAME = "prefect"
"""Under which the store remembers how far Prefect was told."""
PORTION = 50
"""Events that are sent, and asked for, at once."""
STORED_WITHIN_S = 60.0
"""Prefect's server writes events to its database every five seconds, or twenty at a time."""
KEPT = datetime.timedelta(days=5)
"""Prefect's server keeps events for a week; whether it has got an older one can not be found out."""

app = typer.Typer(add_completion=False)


@app.command()
def prefect(
    ctx: typer.Context,
    once: bool = typer.Option(False, "--once", help="Tell what is new, and leave: for cron."),
    poll: float = typer.Option(5.0, min=0.1, metavar="SECONDS", help="Between two looks."),
    from_start: bool = typer.Option(
        False,
        "--from-start",
        help="The first time, tell all that ever happened rather than begin now; triggers will act on it.",
    ),
) -> None:
    """Send each transition of the registry to Prefect's event feed, until stopped. Any number may run, on any hosts."""
    here: Any = ctx.obj
    workspace = here.workspace
    with get_client(sync_client=True) as client, _stopped_by_signals() as stop:
        feed = Feed(client)
        while True:
            try:
                sent = forward_transitions(
                    workspace, NAME, feed.send, from_start=from_start, limit=PORTION
                )
            except StorageFailed as error:
                if once:
                    raise
                typer.echo(f"warning: {error}; trying again", err=True)
                sent = 0
            if sent:
                here.say({"sent": sent}, f"sent {sent}")
            elif once:
                here.say({"sent": 0}, "nothing more to send")
                return
            if stop.wait(0 if sent else poll):
                return


class Feed:
    """Prefect's event feed, to which each event goes once and where it is before anybody relies on it."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client

    def send(self, transitions: list[TransitionEvent]) -> None:
        """Send those that the server does not have, and return when it has them all in its database.

        It acknowledges events before it writes them, so what it said is no reason to go on. One that is sent twice
        within five minutes it drops at its door, within half an hour it runs no automation for it again, and its
        database takes an id once: so asking before closes the gap that is left, a teller that died long ago.

        Raises:
            StorageFailed: the server does not answer, or has not written them in time.
        """
        events = [event_of(one) for one in transitions]
        for at in range(0, len(events), PORTION):
            self._send(events[at : at + PORTION])

    def _send(self, events: list[Event]) -> None:
        try:
            known = self._known(events)
            new = [one for one in events if one.id not in known]
            if new:
                self._client.request(
                    "POST", "/events", json=[one.model_dump(mode="json") for one in new]
                ).raise_for_status()
            self._wait_for(new)
        except httpx.HTTPError as error:
            raise StorageFailed(
                f"Prefect at {self._client.api_url} did not take {len(events)} events: {type(error).__name__}: {error}"
            ) from error

    def _wait_for(self, events: list[Event]) -> None:
        now = datetime.datetime.now(datetime.timezone.utc)
        expected = [one for one in events if now - one.occurred < KEPT]
        give_up = time.monotonic() + STORED_WITHIN_S
        while expected:
            known = self._known(expected)
            expected = [one for one in expected if one.id not in known]
            if expected and time.monotonic() > give_up:
                raise StorageFailed(
                    f"Prefect at {self._client.api_url} took {len(events)} events, but has not stored "
                    f"{len(expected)} of them within {STORED_WITHIN_S:g} s: look at its server's log"
                )
            if expected:
                time.sleep(0.5)

    def _known(self, events: list[Event]) -> set[Any]:
        if not events:
            return set()
        times = [one.occurred for one in events]
        edge = datetime.timedelta(seconds=1)
        page = self._client.read_events(
            EventFilter(
                id=EventIDFilter(id=[one.id for one in events]),
                occurred=EventOccurredFilter(since=min(times) - edge, until=max(times) + edge),
            ),
            limit=PORTION,
        )
        return {one.id for one in page.events}


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()
    before = {
        one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
