"""What opens a store beside its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

StorageOptions: TypeAlias = "Mapping[str, Any] | Callable[[], Mapping[str, Any]]"
"""fsspec's own, whose names and values are the backend's (hence `Any`); a function is asked at each new session,
so that credentials which were renewed where it looks are found."""


class Patience(NamedTuple):
    """How long a remote store is asked again, in seconds; one try more may be under way when the time is over."""

    retry_for_s: float = 30.0
    """After a failure that may pass."""
    reach_for_s: float = 5.0
    """The same while the store has not said a word: since it was opened, or since a request that got no answer."""
