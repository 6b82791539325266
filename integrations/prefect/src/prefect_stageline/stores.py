"""Where a task records: what its tracking names, or what the process has chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, cast

from prefect.blocks.core import Block

from prefect_stageline.events import emit_own_transitions
from stageline import Workspace, activated, chosen_experiment, get_workspace
from stageline.errors import InvalidInput
from stageline.tasks import Session

if TYPE_CHECKING:
    from stageline.tasks import Tracking

BLOCK = "block:"
OWN_TYPE = "stageline-store"
MOST_OPEN = 64

Store: TypeAlias = str | Callable[[], Any]
"""A URL or a path; `block:<name>` or `block:<type>/<name>`; a `StagelineStore`; or a function that opens a store."""


class OpensWorkspace(Protocol):
    """A block that knows a store, and its credentials whenever they are needed.

    It may also have an `experiment`, for runs that name none.
    """

    def get_workspace(self) -> Workspace:
        """The store, opened; one that renews its credentials itself may be kept."""


class Place(NamedTuple):
    """An open store, and the experiment of runs there that name none."""

    workspace: Workspace
    experiment: str | None = None


_places: dict[Store, Place] = {}
_lock = threading.Lock()


def open_session(tracking: Tracking) -> Session:
    """Where a task with that tracking records; what it does to a registry Prefect is told."""
    emit_own_transitions()
    options = dict(tracking.autolog) if not isinstance(tracking.autolog, bool) else {}
    wanted: dict[str, Any] = {"autolog": options} if tracking.autolog is not False else {}
    if tracking.store is None:
        place = Place(get_workspace())
    else:
        place = place_of(tracking.store)
        wanted["workspace"] = place.workspace
    return Session(
        place.workspace,
        partial(activated, **wanted) if wanted else activated,
        chosen_experiment() or place.experiment,
    )


def workspace_of(store: Store) -> Workspace:
    """The store that `Tracking(store=...)` names, opened once in a process. Raises as `place_of`."""
    return place_of(store).workspace


def place_of(store: Store) -> Place:
    """The same, with its experiment.

    Raises:
        InvalidInput: what it names is no store, or there is no such block.
    """
    # One at a time: of two workspaces for one store, one would not know the runs that the other has open.
    with _lock:
        if store not in _places:
            if len(_places) >= MOST_OPEN:
                del _places[next(iter(_places))]
            _places[store] = _opened(store)
        return _places[store]


def load_block(reference: str) -> Block:
    """A block by `<type>/<name>`, or by the name of a `StagelineStore`; from any thread, in an event loop or not.

    Raises:
        InvalidInput: there is no such block.
    """
    slug = reference if "/" in reference else f"{OWN_TYPE}/{reference}"
    try:
        # Left to itself it looks at the flow and the thread, and may give a coroutine.
        return cast("Block", Block.load(slug, _sync=True))  # type: ignore[call-arg]
    except ValueError as error:
        raise InvalidInput(f"Prefect has no block {slug!r}: {error}") from error


def _opened(store: Store) -> Place:
    if callable(store):
        found = store()
        workspace = found if isinstance(found, Workspace) else Workspace.open(found)
        return Place(workspace, getattr(store, "experiment", None))
    if not store.startswith(BLOCK):
        return Place(Workspace.open(store))
    block = load_block(store[len(BLOCK) :])
    if not hasattr(block, "get_workspace"):
        raise InvalidInput(
            f"{store!r}: {type(block).__name__} is no block of a store; name one that has `get_workspace`, such as "
            f"{BLOCK}{OWN_TYPE}/<name>"
        )
    return Place(cast("OpensWorkspace", block).get_workspace(), getattr(block, "experiment", None))
