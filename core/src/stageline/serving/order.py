"""What a worker process is told: which model to serve, and within which limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import msgspec

from stageline.models.trust import NO_TRUST, Trust

Job: TypeAlias = Callable[[Any, Any, Any], None]
"""The target of a worker's process: takes the task, the listening socket and the line to its parent."""


class Draining(Protocol):
    """The limit that whoever lets a worker go has to know."""

    @property
    def drain_s(self) -> float:
        """Seconds that requests may take to end once the server was told to stop."""
        ...


class Task(Protocol):
    """What workers are started for; it is sent to each, so it has to be picklable."""

    @property
    def label(self) -> str:
        """For the log."""
        ...

    @property
    def limits(self) -> Draining:
        """Of each worker."""
        ...


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one worker takes on."""

    threads: int = 4
    """Predictions at once. More than one helps where the framework lets go of Python's lock while it computes."""
    concurrency: int = 64
    """Requests to predict at once, those that wait for a thread included; the next one is answered 429."""
    max_bytes: int = 16 << 20
    """Bytes of a request's body; a longer one is answered 413."""
    timeout_s: float = 60.0
    """Seconds for a prediction, waiting for a thread included; then 504, as MLflow has it."""
    body_timeout_s: float = 30.0
    """Seconds for the body to arrive; then 408."""
    drain_s: float = 30.0
    """Seconds that requests may take to end once the server was told to stop."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One model to serve."""

    uri: str
    """As it was asked for, such as `models:/wine/Production`."""
    label: str
    """What that was when it was looked up, such as `models:/wine/3`."""
    folder: str
    """Where its files are, on this disk."""
    flavor: str | None = None
    trust: Trust = NO_TRUST
    limits: Limits = Limits()
    hosts: tuple[str, ...] | None = None
    """Host names that requests may name; None for any."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may ask."""
    proxies: tuple[str, ...] = ()
    """Proxies whose word on `X-Forwarded-...` is taken."""
    tokens: tuple[bytes, ...] = ()
    """Digests of the tokens that requests may bring; none of them: nobody is asked for one."""
    is_followed: bool = False
