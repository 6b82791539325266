"""Requests to the store, counted in place: many ask of what kind a store is, so it can not be wrapped."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from stageline.errors import StorageFailed
from stageline.server.figures.rows import Verb

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.storage.port import ObjectStore

VERBS: Final = ("read", "create", "claim", "replace", "list", "delete", "open")


def count_verbs(store: ObjectStore) -> dict[str, Verb]:
    """Count what is asked of a store from here on. A stream is one `open`."""
    counted: dict[str, Verb] = {}
    for name in VERBS:
        verb = getattr(store, name, None)
        if verb is not None:
            counted[name] = Verb()
            setattr(store, name, _counting(verb, counted[name]))
    return counted


def _counting(verb: Callable[..., Any], count: Verb) -> Callable[..., Any]:
    lock = Lock()

    def counting(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        failed = False
        try:
            return verb(*args, **kwargs)
        except StorageFailed:
            failed = True
            raise
        finally:
            took = time.perf_counter() - started
            with lock:
                count.count += 1
                count.failures += failed
                count.seconds += took

    return counting
