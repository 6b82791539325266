"""Calls side by side: the one place that starts threads to hide a store's latency."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")

WIDTH = 8
"""Calls at once; a store's own client allows about ten connections."""


def together(
    ask: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    width: int = WIDTH,
    stop: threading.Event | None = None,
) -> list[Result]:
    """`ask` of each item, up to `width` at once, in the order of `items`.

    This thread is one of those that ask, and all of them where none can start. After the first failure no further
    item is begun, `stop` is set, and the failure is raised once all have ended.
    """
    given = list(items)
    todo = iter(enumerate(given))
    done: dict[int, Result] = {}
    failures: list[BaseException] = []
    lock = threading.Lock()
    stopped = stop or threading.Event()

    def work() -> None:
        while not stopped.is_set():
            with lock:
                turn = next(todo, None)
            if turn is None:
                return
            try:
                done[turn[0]] = ask(turn[1])
            except BaseException as error:  # of any kind: it is raised again in the caller's thread
                failures.append(error)
                stopped.set()

    others = started(work, min(width, len(given)) - 1)
    try:
        work()
    finally:
        _join(others, stopped)
    if failures:
        raise failures[0]
    return [done[number] for number in range(len(given))]


def started(target: Callable[[], None], count: int) -> list[threading.Thread]:
    """Up to `count` threads that run `target`; fewer where no more can start."""
    threads: list[threading.Thread] = []
    for _ in range(count):
        thread = threading.Thread(target=target, name="stageline-together", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is on its way out, or there may be no more threads
            break
        threads.append(thread)
    return threads


def _join(threads: list[threading.Thread], stop: threading.Event) -> None:
    try:
        for thread in threads:
            thread.join()
    except BaseException:  # an interrupt while waiting: they end at their next item
        stop.set()
        for thread in threads:
            thread.join()
        raise
