"""Where a task records: the connection that its tracking names, or the one that Airflow's configuration names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_stageline.hooks import DEFAULT_CONN_ID, StagelineHook

if TYPE_CHECKING:
    from stageline import Workspace
    from stageline.tasks import Session, Tracking

CONNECTION = "conn:"
"""Before the id of a connection, in `Tracking(store=...)`."""


def open_session(tracking: Tracking) -> Session:
    """Where a task with that tracking records.

    Raises:
        NotFound: the connection is not defined.
        InvalidInput: it, or the tracking, names no store.
    """
    from stageline import activated, chosen_experiment
    from stageline.tasks import Session

    workspace, experiment = _store_of(tracking)
    wanted: dict[str, Any] = {"workspace": workspace}
    if tracking.autolog is not False:
        options = tracking.autolog
        wanted["autolog"] = {} if isinstance(options, bool) else dict(options)
    return Session(workspace, partial(activated, **wanted), experiment or chosen_experiment())


def hook_of(tracking: Tracking) -> StagelineHook | None:
    """The connection that a tracking names; None if it names a store by other means."""
    store = tracking.store
    if store is None:
        return StagelineHook(str(conf.get("stageline", "conn_id", fallback=DEFAULT_CONN_ID)))
    if isinstance(store, str) and store.startswith(CONNECTION):
        return StagelineHook(store[len(CONNECTION) :])
    return None


def _store_of(tracking: Tracking) -> tuple[Workspace, str | None]:
    hook = hook_of(tracking)
    if hook is not None:
        return hook.workspace(), hook.experiment
    from stageline import Workspace

    store = tracking.store
    found = store() if callable(store) else store
    return (found if isinstance(found, Workspace) else _opened(str(found))), None


_known: dict[str, Workspace] = {}


def _opened(url: str) -> Workspace:
    from stageline import Workspace

    if url not in _known:
        _known[url] = Workspace.open(url)
    return _known[url]
