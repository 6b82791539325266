"""What a worker and its parent say to each other."""

from __future__ import annotations

import msgspec


class Loaded(msgspec.Struct, frozen=True):
    """Worker: the model is loaded; say go."""


class Failed(msgspec.Struct, frozen=True):
    """Worker: the model can not be loaded."""

    code: str
    """Of the `StagelineError`; `error` if it was another."""
    text: str


class Serving(msgspec.Struct, frozen=True):
    """Worker: the port is open."""


class Stuck(msgspec.Struct, frozen=True):
    """Worker: a prediction does not end, and holds a thread; replace me."""


class Go(msgspec.Struct, frozen=True):
    """Parent: open the port."""


class Leave(msgspec.Struct, frozen=True):
    """Parent: take no new connection, end those that are, and exit."""

    linger_s: float
    """Seconds that clients have to let go of connections that idle."""


class Trouble(msgspec.Struct, frozen=True):
    """Parent: why what is followed is not what is served; empty if it is."""

    text: str
