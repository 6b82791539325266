"""SIGTERM as an exception, while a run is waited for: so that its processes end before this one does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from stageline.tracking import endings
from stageline.tracking.fate import note_signal

if TYPE_CHECKING:
    from types import FrameType


class Terminated(BaseException):
    """This process got SIGTERM."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """In the block SIGTERM raises `Terminated`; once that has left it, the signal has the effect that it always had.

    Somebody else's handler is left alone, and so is a thread that is not the main one: it gets no signals.
    """
    if threading.current_thread() is not threading.main_thread() or not endings.is_sigterm_free():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    except Terminated:
        signal.signal(signal.SIGTERM, previous)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    note_signal("SIGTERM")  # the process is to end, and this is why
    raise Terminated
