"""`tracked_flow`: a Prefect flow whose runs are recorded, as the parents of its tasks' runs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from copy import copy
from functools import update_wrapper, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, overload

from prefect.context import FlowRunContext
from prefect.flows import Flow
from typing_extensions import Unpack

from prefect_stageline.flow_runs import begin_flow_run, fail_flow_run
from prefect_stageline.wrapping import stand_in
from stageline.tasks import Recording, Tracking

if TYPE_CHECKING:
    from prefect.flows import FlowStateHook
    from prefect.futures import PrefectFuture
    from prefect.results import ResultSerializer, ResultStorage
    from prefect.task_runners import TaskRunner

P = ParamSpec("P")
R = TypeVar("R")

_caller: ContextVar[str | None] = ContextVar("prefect_stageline_caller", default=None)
"""Id of the flow run in which a tracked flow was called last: inside the flow's body Prefect only knows its own."""


class FlowOptions(TypedDict, total=False):
    """Options of `@flow`."""

    name: str | None
    version: str | None
    flow_run_name: Callable[[], str] | str | None
    retries: int | None
    retry_delay_seconds: int | float | None
    task_runner: type[TaskRunner[PrefectFuture[Any]]] | TaskRunner[PrefectFuture[Any]] | None
    description: str | None
    timeout_seconds: int | float | None
    validate_parameters: bool
    persist_result: bool | None
    result_storage: ResultStorage | str | None
    result_serializer: ResultSerializer | None
    cache_result_in_memory: bool
    log_prints: bool | None
    on_completion: list[FlowStateHook[Any, Any]] | None
    on_failure: list[FlowStateHook[Any, Any]] | None
    on_cancellation: list[FlowStateHook[Any, Any]] | None
    on_crashed: list[FlowStateHook[Any, Any]] | None
    on_running: list[FlowStateHook[Any, Any]] | None


class TrackedFlow(Flow[P, R]):
    """A flow whose runs are recorded as `tracking` says; made by `tracked_flow`."""

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        tracking: Tracking | None = None,
        **options: Unpack[FlowOptions],
    ) -> None:
        self.tracking = tracking or Tracking()
        self.tracks_all_tasks = False
        """Whether tasks are tracked that were not declared so; see `track_flow`."""
        self.untracked_fn, wrapped = stand_in(fn, instrumented_flow)
        """What was decorated."""
        super().__init__(fn=wrapped, **options)

    def with_options(  # type: ignore[override]  # takes all that Flow's does, and `tracking`
        self, *, tracking: Tracking | None = None, **options: Unpack[FlowOptions]
    ) -> TrackedFlow[P, R]:
        """A copy with other options; what is not given stays, the tracking too."""
        plain = super().with_options(**options)
        changed: TrackedFlow[P, R] = type(self).__new__(type(self))
        changed.__dict__.update(plain.__dict__)
        changed.untracked_fn = self.untracked_fn
        changed.tracks_all_tasks = self.tracks_all_tasks
        changed.tracking = tracking or self.tracking
        return changed

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """As `Flow.validate_parameters`."""
        # Annotations that are text are looked up in the module of the function: it has to be the user's.
        plain = copy(self)
        plain.fn = self.untracked_fn
        return super(TrackedFlow, plain).validate_parameters(parameters)

    if not TYPE_CHECKING:  # the signatures are Flow's

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """As `Flow.__call__`."""
            context = FlowRunContext.get()
            if context is None or context.flow_run is None:
                _caller.set(None)
            else:
                _caller.set(str(context.flow_run.id))
                if not context.detached:
                    begin_flow_run(context, self.tracking)
            return super().__call__(*args, **kwargs)


@overload
def tracked_flow(fn: Callable[P, R], /) -> TrackedFlow[P, R]: ...


@overload
def tracked_flow(
    *, tracking: Tracking | None = None, **options: Unpack[FlowOptions]
) -> Callable[[Callable[P, R]], TrackedFlow[P, R]]: ...


def tracked_flow(
    fn: Callable[P, R] | None = None,
    /,
    *,
    tracking: Tracking | None = None,
    **options: Unpack[FlowOptions],
) -> TrackedFlow[P, R] | Callable[[Callable[P, R]], TrackedFlow[P, R]]:
    """Make a Prefect flow whose runs are recorded, bare or with the options of `@flow`.

    The run holds the flow's parameters, what it logs and returns, and how it ended; a flow called by a tracked flow
    is its child. Tracked tasks nest under their flow's run in any flow: this adds the experiment for all of them, and
    a run that is open while the flow's own code runs.

    Args:
        fn: The function.
        tracking: What is recorded. Tasks that name no experiment take the flow's.
        options: Options of `@flow`.
    """
    if fn is not None:
        return TrackedFlow(fn, tracking=tracking, **options)
    return lambda function: TrackedFlow(function, tracking=tracking, **options)


def instrumented_flow(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind and signature that records what it does when a tracked flow calls it."""
    if inspect.isasyncgenfunction(fn) or inspect.isgeneratorfunction(fn):
        return fn  # its tasks open the run, and Prefect's hooks end it
    if inspect.iscoroutinefunction(fn):

        @wraps(fn)
        async def tracked_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await _awaited(fn, args, kwargs)

        return tracked_coroutine

    def tracked_result(*args: Any, **kwargs: Any) -> Any:
        return _result(fn, args, kwargs)

    return update_wrapper(tracked_result, fn)


def _result(fn: Callable[..., Any], args: Iterable[Any], kwargs: dict[str, Any]) -> Any:
    recording = _begun()
    if recording is None:
        return fn(*args, **kwargs)
    try:
        with recording.active():
            result = fn(*args, **kwargs)
    except BaseException as error:
        fail_flow_run(recording, error)
        raise
    # Whether it succeeded is Prefect's to say: what is returned may hold futures and states that failed.
    recording.record_result(result)
    return result


async def _awaited(
    fn: Callable[..., Awaitable[Any]], args: Iterable[Any], kwargs: dict[str, Any]
) -> Any:
    recording = _begun()
    if recording is None:
        return await fn(*args, **kwargs)
    try:
        with recording.active():
            result = await fn(*args, **kwargs)
    except BaseException as error:
        fail_flow_run(recording, error)
        raise
    recording.record_result(result)
    return result


def _begun() -> Recording | None:
    """The recording of the flow run that runs here; None outside of one, as when a test calls `flow.fn()`."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not isinstance(context.flow, TrackedFlow):
        return None
    is_called = context.flow_run.parent_task_run_id is not None
    return begin_flow_run(
        context, context.flow.tracking, parent_flow_run=_caller.get() if is_called else None
    )
