"""What is made of a workspace once, for all pages of this process: caches of facts, say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.workspace import Workspace

T = TypeVar("T")


class Kept:
    """Of one workspace. Safe from many threads, and so must be what is kept."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._made: dict[Callable[[Workspace], Any], Any] = {}

    def made(self, make: Callable[[Workspace], T]) -> T:
        """What `make` makes of the workspace, or has made before."""
        if make not in self._made:
            self._made.setdefault(make, make(self.workspace))
        found: T = self._made[make]
        return found
