"""What a worker of the server is told by its parent."""

from __future__ import annotations

import msgspec

from stageline.server.options import Limits, Options
from stageline.settings import Settings


class ServerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Serve a store. Goes to the workers over a pipe, credentials and all, and is never written anywhere."""

    settings: Settings
    options: Options
    label: str
    """The store, as the log may name it."""

    @property
    def limits(self) -> Limits:
        """Of each worker."""
        return self.options.limits

    def __repr__(self) -> str:
        return f"ServerOrder({self.label!r})"
