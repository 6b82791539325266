"""What is shown while something takes longer than a second; nothing where nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

AFTER_S = 1.0


class Bar:
    """A progress bar that appears if the work is not done within a second. Call it with what has been done since."""

    def __init__(self, title: str, total: int, *, in_bytes: bool = False) -> None:
        self._title = title
        self._total = total
        self._in_bytes = in_bytes
        self._began = time.monotonic()
        self._done = 0
        self._shown: tuple[Progress, TaskID] | None = None

    def __call__(self, more: int = 1) -> None:
        """So much more is done."""
        self._done += more
        if self._shown is None and sys.stderr.isatty() and time.monotonic() - self._began > AFTER_S:
            self._shown = self._start()
        if self._shown is not None:
            progress, task = self._shown
            progress.update(task, completed=self._done)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown is not None:
            self._shown[0].stop()

    def _start(self) -> tuple[Progress, TaskID]:
        from rich import progress as rich
        from rich.console import Console

        amount = (
            [rich.DownloadColumn(), rich.TransferSpeedColumn()]
            if self._in_bytes
            else [rich.MofNCompleteColumn()]
        )
        bar = rich.Progress(
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(),
            *amount,
            rich.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.start()
        return bar, bar.add_task(self._title, total=self._total)


@contextmanager
def working(title: str) -> Iterator[None]:
    """Show `title` and a spinner if the block takes longer than a second."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    status = Console(stderr=True).status(Text(title))
    lock = Lock()
    is_over = False

    def start() -> None:
        with lock:
            if not is_over:
                status.start()

    timer = Timer(AFTER_S, start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            is_over = True
            status.stop()
