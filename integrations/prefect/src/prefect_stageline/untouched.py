"""`track_flow`: any flow that exists, its tasks too, recorded with no change to its code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect.context import FlowRunContext
from prefect.tasks import Task

from prefect_stageline.bodies import instrumented
from prefect_stageline.flows import TrackedFlow, instrumented_flow
from prefect_stageline.tasks import TrackedTask
from prefect_stageline.wrapping import stand_in
from stageline.tasks import Tracking

if TYPE_CHECKING:
    from prefect.flows import Flow

P = ParamSpec("P")
R = TypeVar("R")


def track_flow(flow: Flow[P, R], *, tracking: Tracking | None = None) -> TrackedFlow[P, R]:
    """The same flow, whose runs are recorded, and in them those of every task that its code calls, submits or maps.

    The flow that is given, and its tasks where other flows call them, stay as they are. It can be served and deployed
    in the place of the other where the module that Prefect loads it from says `flow = track_flow(flow)`.

    Args:
        flow: Any flow; one that is tracked already gets the tracking.
        tracking: What is recorded. The tasks take over its experiment and store.

    >>> from prefect import flow
    >>> @flow(retries=2)
    ... def nightly() -> None: ...
    >>> track_flow(nightly).retries
    2
    """
    _intercept()
    return _tracked_flow(flow, tracking or getattr(flow, "tracking", None) or Tracking())


def _tracked_flow(flow: Flow[P, R], tracking: Tracking) -> TrackedFlow[P, R]:
    tracked: TrackedFlow[P, R] = _like(TrackedFlow, flow)
    if not isinstance(flow, TrackedFlow):
        tracked.untracked_fn, tracked.fn = stand_in(flow.fn, instrumented_flow)
    tracked.tracking = tracking
    tracked.tracks_all_tasks = True
    return tracked


def _tracked_task(task: Task[P, R]) -> TrackedTask[P, R]:
    tracked: TrackedTask[P, R] = _like(TrackedTask, task)
    tracked.untracked_fn, tracked.fn = stand_in(task.fn, instrumented)
    tracked.tracking = Tracking()
    return tracked


def _like(kind: Any, given: Any) -> Any:
    """An object of our kind with the state of Prefect's."""
    given_kind: Any = type(given)
    made = object.__new__(_kind_for(kind, given_kind))
    # Not by updating its dict: where ours has a property, that has to get the value.
    for name, value in vars(given).items():
        setattr(made, name, value)
    return made


@lru_cache(maxsize=64)
def _kind_for(kind: Any, given: Any) -> Any:
    if issubclass(given, kind):
        return given
    if issubclass(kind, given):
        return kind
    return type(kind.__name__, (kind, given), {})  # such as a task that materializes assets


_intercepted: list[str] = []
_lock = threading.Lock()


def _intercept() -> None:
    # Prefect has no hook around a task that is not its owner's to declare. So its four doors ask, from the first
    # `track_flow` of a process on, whether the flow run that they are used in wants its tasks tracked.
    with _lock:
        for door in ("__call__", "submit", "map", "delay") if not _intercepted else ():
            setattr(Task, door, _asking(getattr(Task, door)))
            _intercepted.append(door)


def _asking(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def door(self: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, TrackedTask) or not _wants_all_tracked():
            return plain(self, *args, **kwargs)
        return getattr(_tracked_task(self), plain.__name__)(*args, **kwargs)

    return door


def _wants_all_tracked() -> bool:
    context = FlowRunContext.get()
    return (
        context is not None
        and isinstance(context.flow, TrackedFlow)
        and context.flow.tracks_all_tasks
    )
