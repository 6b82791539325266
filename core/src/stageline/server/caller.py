"""Who asks, and what they may do: what the sign-in leaves in a request, for all who answer it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from stageline.serving.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.serving.asgi import Scope

Right = Literal["read", "write", "promote", "admin"]
"""`write` and `promote` bring `read` along, but not each other; `admin` is all of them, and the rest of the server."""
RIGHTS: Final = ("read", "write", "promote", "admin")

_ENOUGH: Final[dict[str, frozenset[str]]] = {
    "read": frozenset(RIGHTS),
    "write": frozenset({"write", "admin"}),
    "promote": frozenset({"promote", "admin"}),
    "admin": frozenset({"admin"}),
}
EVERYTHING: Final = ("*",)
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"via")
"""Headers that a proxy adds."""


class Grant(NamedTuple):
    """Rights, and on which experiments and models. A pattern is a name in which `*` and `?` stand for others."""

    rights: frozenset[str]
    experiments: tuple[str, ...] = EVERYTHING
    models: tuple[str, ...] = EVERYTHING


class Caller:
    """Somebody, with what was granted to them."""

    __slots__ = ("_grants", "is_unlimited", "key", "name")

    def __init__(self, name: str, grants: Iterable[Grant] = (), *, key: str = "") -> None:
        self.name = name
        """Goes into the registry's history."""
        self.key = key or name
        """Tells one token from another of the same person, for limits."""
        self._grants = tuple(grants)
        self.is_unlimited = any(
            "admin" in one.rights and one.experiments == one.models == EVERYTHING
            for one in self._grants
        )
        """Whether there is nothing to be asked about."""

    def __repr__(self) -> str:
        return f"Caller({self.name!r})"

    def may(self, right: Right, *, experiment: str | None = None, model: str | None = None) -> bool:
        """Whether they may: on this experiment (by name), on this model, or anywhere at all if neither is named.

        What concerns all experiments and models alike is asked about by `may_all`.
        """
        enough = _ENOUGH[right]
        for rights, experiments, models in self._grants:
            if (
                not enough.isdisjoint(rights)
                and (experiment is None or is_like(experiment, experiments))
                and (model is None or is_like(model, models))
            ):
                return True
        return False

    def may_all(self, right: Right, *, of: Literal["experiments", "models", "all"] = "all") -> bool:
        """Whether they may, whatever the experiment or model is called."""
        enough = _ENOUGH[right]
        return any(
            not enough.isdisjoint(rights)
            and (of == "models" or "*" in experiments)
            and (of == "experiments" or "*" in models)
            for rights, experiments, models in self._grants
        )


ANYBODY: Final = Caller("anonymous", [Grant(frozenset({"admin"}))])
"""Whoever asks a server that asks nobody who they are."""


def caller_of(scope: Scope) -> Caller:
    """Who sends this request."""
    found = (scope.get("state") or {}).get("caller")
    return found if isinstance(found, Caller) else ANYBODY


def actor_of(scope: Scope, user: str = "") -> str:
    """In whose name a request acts: its caller's.

    Where nobody is asked who they are, whoever is at this machine may be taken for the one who started the server, as
    they could act so without it: `user`, or the login. Whoever comes over a network is `anonymous`, and so is what a
    proxy of this machine hands on: a rule that names the login must not let them through.
    """
    caller = caller_of(scope)
    if caller is not ANYBODY or not _is_here(scope):
        return caller.name
    from stageline.tracking.first_record import login_name

    return user or login_name()


def _is_here(scope: Scope) -> bool:
    client = scope.get("client")
    return (
        client is not None
        and is_loopback(client[0])
        and not any(name.startswith(_FORWARDED) for name, _ in scope["headers"])
    )


@lru_cache(maxsize=65_536)
def is_like(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is like one of the patterns. Case counts, and no other sign has a meaning.

    >>> is_like("team-a/wine", ("team-a/*",)), is_like("team-b/wine", ("team-a/*", "wine"))
    (True, False)
    """
    return any(one == "*" or fnmatchcase(name, one.replace("[", "[[]")) for one in patterns)
