"""How far something long is, as a progress artifact in Prefect's UI: training, and files that take a while to store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.utilities.context import get_task_and_flow_run_ids

from prefect_stageline.cards import artifact_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

T = TypeVar("T")

EVERY_S = 1.0
"""No more often is Prefect told."""

_log = logging.getLogger("stageline")


class Progress:
    """Made by `progress`. Safe from many threads; a server that does not answer costs one warning."""

    def __init__(self, name: str, total: float) -> None:
        self._name = name
        self._total = total
        self._done = 0.0
        self._told_s = time.monotonic()
        self._told_share = -1.0
        self._lock = threading.Lock()
        self._artifact: UUID | None = None
        self._has_failed = False
        # Here, since files are stored by threads that know no task.
        self._task_run_id, self._flow_run_id = get_task_and_flow_run_ids()

    @property
    def is_shown(self) -> bool:
        """Whether Prefect was told of it."""
        return self._artifact is not None

    @property
    def percent(self) -> float:
        """From 0 to 100."""
        share = self._done / self._total if self._total > 0 else 1.0
        return round(100 * min(max(share, 0.0), 1.0), 1)

    def advance(self, by: float = 1.0) -> None:
        """So much more of the total is done."""
        with self._lock:
            self._done += by
            if time.monotonic() - self._told_s >= EVERY_S:
                self._tell()

    def reach(self, done: float) -> None:
        """So much of the total is done."""
        self.advance(done - self._done)

    def finish(self) -> None:
        """Show how far it came, whenever that was told last."""
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        percent = self.percent
        if self._has_failed or percent == self._told_share:
            return
        try:
            client = get_client(sync_client=True)
            if self._artifact is None:
                made = client.create_artifact(
                    ArtifactCreate(
                        type="progress",
                        key=artifact_key("stageline", "progress", self._name),
                        description="How far it is",
                        data=percent,
                        task_run_id=self._task_run_id,
                        flow_run_id=self._flow_run_id,
                    )
                )
                self._artifact = made.id
            else:
                client.update_artifact(self._artifact, ArtifactUpdate(data=percent))
        except (
            Exception
        ) as error:  # whatever Prefect's client raises: what is shown is no reason to stop
            self._has_failed = True
            _log.warning(
                "can not show in Prefect how far %s is: %s: %s",
                self._name,
                type(error).__name__,
                error,
            )
        self._told_s, self._told_share = time.monotonic(), percent


@contextmanager
def progress(name: str, total: float) -> Iterator[Progress]:
    """Show in Prefect's UI how far the block is; nothing is shown of what takes less than a second.

    Telling Prefect takes some milliseconds, at most once a second; in a coroutine the event loop waits for that.

    Args:
        name: What it is, in a few words; the artifact's key is made of it.
        total: Steps, rows, bytes: whatever `advance` counts.

        with progress("fit", total=epochs) as bar:
            for epoch in range(epochs):
                ...
                bar.advance()
    """
    bar = Progress(name, total)
    try:
        yield bar
    finally:
        if bar.is_shown:
            bar.finish()


def with_progress(items: Iterable[T], name: str, total: float | None = None) -> Iterator[T]:
    """The items, while Prefect shows how many of them are done.

    Args:
        items: What is gone through.
        name: As for `progress`.
        total: How many there are, if `items` does not know.

    >>> list(with_progress([1, 2], "fit"))
    [1, 2]
    """
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    with progress(name, count) as bar:
        for item in items:
            yield item
            bar.advance()


@contextmanager
def uploading(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how far the storing of a file is; yields what is to be told of bytes that have passed."""
    with progress(f"store {name}", size) as bar:
        yield bar.advance
