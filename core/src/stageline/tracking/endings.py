"""How runs end when their process does: exceptions, signals and exits, told truly, with everybody else's hooks kept.

Nothing is installed before `watch` is called for the first time.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread
import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from stageline.tracking.fate import ending_at_exit, ending_of, note_signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from stageline.tracking.active import ActiveRun

_open: dict[int, tuple[ActiveRun, int, int]] = {}
"""Run handle by its `id`, with the process and thread that opened it."""
_uncaught: list[BaseException] = []
"""What the main thread died of."""
_is_installed = False
_handlers: list[Callable[[int, FrameType | None], None]] = []
"""Ours of SIGTERM, once it is installed."""
_replaced: list[Any] = []
"""What it stands in for."""


def watch(run: ActiveRun) -> None:
    """End `run` with its process, as what happened to the process; `unwatch` when it ended by itself."""
    _install()
    _install_signal_handler()
    _open[id(run)] = (run, os.getpid(), threading.get_ident())


def unwatch(run: ActiveRun) -> None:
    """The run has ended."""
    _open.pop(id(run), None)


def is_sigterm_free() -> bool:
    """Whether SIGTERM would end this process: nobody else has a say in what it does."""
    current = signal.getsignal(signal.SIGTERM)
    if current in _handlers:
        current = _replaced[0]
    return current is signal.SIG_DFL


def _install() -> None:
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    # Plain atexit comes after the thread pools have closed, when a store's client can not even look up a host name.
    # Python has no public name for the earlier moment; where the private one is missing, atexit has to do.
    early: Callable[[Callable[[], None]], Any] = getattr(
        threading, "_register_atexit", atexit.register
    )
    early(_end_before_threads)
    atexit.register(_end_all)
    sys.excepthook = _noting_uncaught(sys.excepthook)
    threading.excepthook = _noting_thread(threading.excepthook)


def _install_signal_handler() -> None:
    """Only the main thread may; a run that is opened in another leaves it to the next one."""
    if _handlers or threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(signal.SIGTERM)
    if previous is not signal.SIG_IGN and previous is not None:
        _replaced.append(previous)
        _handlers.append(_on_sigterm(previous))
        signal.signal(signal.SIGTERM, _handlers[0])


def _end_before_threads() -> None:
    """Unless somebody's thread still works, and may still log: then the end waits for it."""
    pools = concurrent.futures.thread._threads_queues  # workers there only wait to be told to stop
    here = threading.current_thread()
    others = [t for t in threading.enumerate() if t is not here and not t.daemon and t not in pools]
    if not others:
        _end_all()


def _end_all() -> None:
    ending = ending_at_exit(_uncaught[0] if _uncaught else None)
    for run, pid, _ in reversed(list(_open.values())):
        if pid != os.getpid():  # the parent's: a forked child only takes its leave
            run.leave()
        else:
            run.end(*ending)
    _open.clear()


def _noting_uncaught(previous: Callable[..., Any]) -> Callable[..., Any]:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _uncaught.append(error)
        previous(kind, error, trace)

    return hook


def _noting_thread(previous: Callable[..., Any]) -> Callable[..., Any]:
    def hook(args: threading.ExceptHookArgs) -> None:
        thread = args.thread.ident if args.thread else None
        for run, pid, opened_in in list(_open.values()):
            if opened_in == thread and pid == os.getpid():
                run.end(*ending_of(args.exc_value))
        previous(args)

    return hook


def _on_sigterm(previous: Any) -> Callable[[int, FrameType | None], None]:
    def handler(number: int, frame: FrameType | None) -> None:
        note_signal("SIGTERM")
        if callable(previous):  # somebody knows what to do: the runs end when the process does
            previous(number, frame)
            return
        with contextlib.suppress(
            Exception
        ):  # the signal must take effect whatever the store says; the log has it all
            _end_all()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    return handler
