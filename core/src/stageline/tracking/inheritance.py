"""What processes that this one starts inherit in their environment, apart from what this one was started with."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Shown:
    """The variables that this process has set: what stood there before, and what stands there now."""

    def __init__(self) -> None:
        self.forget()
        # A forked child is one of those that inherit: to it they are what it was started with.
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        self.lock = threading.Lock()
        self.before: dict[str, str | None] = {}
        self.now: dict[str, str] = {}


_shown = _Shown()


def show(variables: Mapping[str, str]) -> None:
    """Set these for whatever is started from now on, in the place of those that were shown before."""
    with _shown.lock:
        before, now = _shown.before, _shown.now
        if now == variables:  # each variable costs a call to the system
            return
        for name in [name for name in before if name not in variables]:
            stood, stands = before.pop(name), now.pop(name)
            if stood != stands:
                _put_back(name, stood)
        for name, value in variables.items():
            if now.get(name) == value:
                continue
            if name not in before:
                before[name] = os.environ.get(name)
            if before[name] != value or name in now:
                os.environ[name] = value
            now[name] = value


def inherited(name: str) -> str | None:
    """A variable as this process was started with it, or as somebody else has set it since."""
    return _shown.before[name] if name in _shown.before else os.environ.get(name)


def inherited_environment() -> Mapping[str, str]:
    """All of them."""
    with _shown.lock:
        if not _shown.before:
            return os.environ
        mine = {**os.environ, **_shown.before}
    return {name: value for name, value in mine.items() if value is not None}


def _put_back(name: str, value: str | None) -> None:
    if value is not None:
        os.environ[name] = value
        return
    try:
        del os.environ[name]
    except KeyError:
        return  # somebody else has taken it away
