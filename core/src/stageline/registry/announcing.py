"""Who in this process wants to hear of the transitions that it makes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.domain.registry_entry import RegistryEntry

Listener = Callable[[Any], None]
"""Called with a `TransitionEvent`."""

_log = logging.getLogger("stageline")
_listeners: list[Listener] = []


def on_transition(listener: Listener) -> None:
    """Have `listener` called after each transition that this process makes, in the thread that makes it.

    The transition stands by then; what the listener raises is logged and goes no further. The same listener is called
    once, however often it is given.
    """
    if listener not in _listeners:
        _listeners.append(listener)


def announce(name: str, entry: RegistryEntry) -> None:
    """The entry has been appended by this process."""
    if not _listeners:
        return
    from stageline.registry.transitions import (
        transitions_in,  # late: this module is loaded by tasks that promote nothing
    )

    for event in transitions_in(name, entry):
        for listener in _listeners:
            try:
                listener(event)
            except Exception as error:  # a listener's failure must not look like the transition's
                _log.warning("can not tell of %s: %s: %s", event.key, type(error).__name__, error)
