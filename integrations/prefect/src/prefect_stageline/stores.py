"""Where a task records: what its tracking names, or what the process has chosen."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from prefect.blocks.core import Block

from stageline import Workspace, activated, chosen_experiment, get_workspace
from stageline.errors import InvalidInput
from stageline.tasks import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.tasks import Tracking


class OpensWorkspace(Protocol):
    """A block that knows a store, and its credentials whenever they are needed."""

    def get_workspace(self) -> Workspace:
        """The store, opened; one that renews its credentials itself may be kept."""


def open_session(tracking: Tracking) -> Session:
    """Where a task with that tracking records."""
    options = dict(tracking.autolog) if not isinstance(tracking.autolog, bool) else {}
    wanted: dict[str, Any] = {"autolog": options} if tracking.autolog is not False else {}
    if tracking.store is None:
        workspace = get_workspace()
    else:
        workspace = wanted["workspace"] = workspace_of(tracking.store)
    return Session(
        workspace, partial(activated, **wanted) if wanted else activated, chosen_experiment()
    )


def workspace_of(store: str | Callable[[], Any]) -> Workspace:
    """The store that `Tracking(store=...)` names, opened once in a process.

    Args:
        store: A URL or a path; `block:<type>/<name>`, a block that has `get_workspace`; or a function that opens one.

    Raises:
        InvalidInput: what it names is no store.
    """
    return _opened(store)


@lru_cache(maxsize=64)
def _opened(store: str | Callable[[], Any]) -> Workspace:
    if callable(store):
        found = store()
        return found if isinstance(found, Workspace) else Workspace.open(found)
    if not store.startswith(BLOCK):
        return Workspace.open(store)
    block = Block.load(store[len(BLOCK) :])
    if not hasattr(block, "get_workspace"):
        raise InvalidInput(
            f"Tracking(store={store!r}): {type(block).__name__} is no block of a store; name one that has "
            "`get_workspace`, such as block:stageline-store/<name>"
        )
    return cast("OpensWorkspace", block).get_workspace()


BLOCK = "block:"
