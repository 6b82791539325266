"""What opens a store beside its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

StorageOptions: TypeAlias = "Mapping[str, Any] | Callable[[], Mapping[str, Any]]"
"""fsspec's own, whose names and values are the backend's (hence `Any`); a function is asked at each new session,
so that credentials which were renewed where it looks are found."""
