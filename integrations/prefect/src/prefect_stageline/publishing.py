"""Sending what Prefect's pages are to show in a pause of the work, by a thread that ends when it has no more."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SettingsContext

from stageline.errors import StagelineError

if TYPE_CHECKING:
    from prefect.client.schemas.actions import ArtifactCreate

Making = Callable[[], "list[ArtifactCreate]"]
"""Makes what is to be sent; reads the store, so not while a task waits."""

QUIET_S = 1.0
"""Nothing is sent before no task has ended for so long: making a card takes some 40 ms, in which Python does nothing
else, and tasks of milliseconds would be twice as slow for it."""
PATIENCE_S = 10.0
"""What has waited for so long is sent all the same."""
IDLE_S = 2.0
"""A thread with nothing to send ends after so long."""
AWAY_S = 60.0
"""A server that did not answer is left alone for so long: what is made meanwhile is not sent."""

_log = logging.getLogger("stageline")


class _Given(NamedTuple):
    make: Making
    what: str
    settings: SettingsContext
    given_s: float


class Publisher:
    """Makes and sends artifacts in the order in which they are given. Safe from many threads.

    Its thread is no daemon: a process that ends waits until it has sent what it was given.
    """

    def __init__(self) -> None:
        self._forget()
        # A forked child has no thread, and its parent sends what the parent was given.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._waiting: deque[_Given] = deque()
        self._worked_s = 0.0
        self._hurrying = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_busy = False
        self._away_until = 0.0

    def note_work(self) -> None:
        """A task has ended here, and others may be at work."""
        self._worked_s = time.monotonic()

    def publish(self, make: Making, what: str) -> None:
        """Send what `make` returns, soon. `what` names it in a warning, should that fail; nothing is raised."""
        settings = SettingsContext.get()
        if settings is None:  # Prefect enters one when it is imported
            return
        with self._changed:
            self._waiting.append(_Given(make, what, settings, time.monotonic()))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stageline-publisher")
                self._thread.start()
            # Nobody is woken: the thread looks by itself, and a turn of it would be taken from the task that goes on.

    def wait(self, timeout_s: float) -> bool:
        """Wait until all that was given so far has been sent or given up; False if that takes longer."""
        with self._changed:
            self._hurrying += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(
                    lambda: not self._waiting and not self._is_busy, timeout_s
                )
            finally:
                self._hurrying -= 1

    def _run(self) -> None:
        with ExitStack() as opened:
            client: SyncPrefectClient | None = None
            known: SettingsContext | None = None
            while (given := self._next()) is not None:
                make, what, settings, _ = given
                # Those of whoever gave it: Prefect's settings differ by context, in its test harness for one.
                with SettingsContext(profile=settings.profile, settings=settings.settings):
                    if client is None or known is not settings:
                        opened.close()
                        client = opened.enter_context(get_client(sync_client=True))
                        known = settings
                    self._send(client, make, what)

    def _next(self) -> _Given | None:
        with self._changed:
            self._is_busy = False
            self._changed.notify_all()
            give_up = time.monotonic() + IDLE_S
            while not (self._waiting and self._may_send(self._waiting[0])):
                if not self._waiting and (_is_ending() or time.monotonic() > give_up):
                    self._thread = None
                    return None
                self._changed.wait(0.1)
            self._is_busy = True
            return self._waiting.popleft()

    def _may_send(self, first: _Given) -> bool:
        now = time.monotonic()
        is_quiet = now - self._worked_s >= QUIET_S
        return is_quiet or self._hurrying > 0 or now - first.given_s >= PATIENCE_S or _is_ending()

    def _send(self, client: SyncPrefectClient, make: Making, what: str) -> None:
        if time.monotonic() < self._away_until:
            return
        try:
            made = make()
        except StagelineError as error:
            _log.warning("can not show %s in Prefect: %s", what, error)
            return
        except Exception as error:  # whatever it is, nobody but this thread can tell of it
            _log.warning("can not show %s in Prefect: %s: %s", what, type(error).__name__, error)
            return
        try:
            for artifact in made:
                client.create_artifact(artifact)
        except Exception as error:  # Prefect's client raises those of httpx, and its own
            self._away_until = time.monotonic() + AWAY_S
            _log.warning(
                "can not show %s in Prefect: its server does not take it (%s: %s); nothing is sent there for %d s",
                what, type(error).__name__, error, AWAY_S,
            )  # fmt: skip


def _is_ending() -> bool:
    return not threading.main_thread().is_alive()


PUBLISHER = Publisher()
