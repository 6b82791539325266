"""Sending what Prefect's pages are to show beside the work, in a thread of its own that ends when it has no more."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SettingsContext

from stageline.errors import StagelineError

if TYPE_CHECKING:
    from prefect.client.schemas.actions import ArtifactCreate

Making = Callable[[], "list[ArtifactCreate]"]
"""Makes what is to be sent; reads the store, so not while a task waits."""

IDLE_S = 2.0
"""A thread with nothing to send ends after so long."""
AWAY_S = 60.0
"""A server that did not answer is left alone for so long: what is made meanwhile is not sent."""

_log = logging.getLogger("stageline")


class Publisher:
    """Makes and sends artifacts in the order in which they are given. Safe from many threads.

    Its thread is no daemon: a process that ends waits until it has sent what it was given.
    """

    def __init__(self) -> None:
        self._forget()
        # A forked child has no thread, and its parent sends what the parent was given.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._waiting: deque[tuple[Making, str, SettingsContext]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_busy = False
        self._away_until = 0.0

    def publish(self, make: Making, what: str) -> None:
        """Send what `make` returns, soon. `what` names it in a warning, should that fail; nothing is raised."""
        settings = SettingsContext.get()
        if settings is None:  # Prefect enters one when it is imported
            return
        with self._changed:
            self._waiting.append((make, what, settings))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stageline-publisher")
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all that was given so far has been sent or given up; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._is_busy, timeout_s
            )

    def _run(self) -> None:
        with ExitStack() as opened:
            client: SyncPrefectClient | None = None
            known: SettingsContext | None = None
            while (given := self._next()) is not None:
                make, what, settings = given
                # Those of whoever gave it: Prefect's settings differ by context, in its test harness for one.
                with SettingsContext(profile=settings.profile, settings=settings.settings):
                    if client is None or known is not settings:
                        opened.close()
                        client = opened.enter_context(get_client(sync_client=True))
                        known = settings
                    self._send(client, make, what)

    def _next(self) -> tuple[Making, str, SettingsContext] | None:
        with self._changed:
            self._is_busy = False
            self._changed.notify_all()
            main = threading.main_thread()
            give_up = time.monotonic() + IDLE_S
            while not self._waiting:
                if not main.is_alive() or time.monotonic() > give_up:
                    self._thread = None
                    return None
                self._changed.wait(0.1)
            self._is_busy = True
            return self._waiting.popleft()

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


PUBLISHER = Publisher()
