"""What a request of MLflow's protocol is to the code that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from stageline.server.caller import actor_of

if TYPE_CHECKING:
    from stageline.registry.registry import Registry
    from stageline.server.replica import Replica
    from stageline.serving.asgi import Scope
    from stageline.workspace import Workspace


class Call:
    """One request, apart from what it asks."""

    __slots__ = ("replica", "scope")

    def __init__(self, replica: Replica, scope: Scope) -> None:
        self.replica = replica
        self.scope = scope

    @property
    def workspace(self) -> Workspace:
        """The store."""
        return self.replica.workspace

    @property
    def actor(self) -> str:
        """In whose name the request acts: what the registry's history says of it."""
        return actor_of(self.scope, self.workspace.settings.user)

    @property
    def registry(self) -> Registry:
        """The registry, where each entry says who asked."""
        return self.workspace.registry.acting(self.actor)


Handler = Callable[[Call, Any], Any]
"""Answers: a struct or dict to be written as JSON, an `Answer`, or None for `{}`.

Called in a thread; raises `StagelineError`, or `failures.Refused` for what has a code of its own.
"""

NOT_NOW: Final = object()
"""What a quick handler returns that would have to wait for a disk, a lock or a store."""


class Nothing(msgspec.Struct):
    """Asks nothing more than its path says."""


class Endpoint(NamedTuple):
    """One row of the protocol's table."""

    method: str
    path: str
    """Below `/api/2.0/mlflow/`, such as `runs/create`; `{name}` stands for a segment, and fills the field `name`."""
    ask: type[msgspec.Struct]
    """What it is asked: fields come from the query string of a GET, otherwise from the JSON body."""
    answer: Handler
    quick: Handler | None = None
    """Tried first, on the event loop: answers what costs microseconds, and says `NOT_NOW` to the rest."""
