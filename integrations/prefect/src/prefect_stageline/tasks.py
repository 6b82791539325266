"""`tracked_task`: a Prefect task whose runs are recorded. Every option of `@task` still works."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from prefect.context import TaskRunContext
from prefect.tasks import Task, TaskOptions
from typing_extensions import Unpack

from prefect_stageline.assets import task_ended
from prefect_stageline.bodies import instrumented
from prefect_stageline.caching import cache_tags, record_cached
from prefect_stageline.flow_runs import tracking_in_flow
from prefect_stageline.identity import secret_texts, task_identity, task_tags
from prefect_stageline.progress_bar import uploading
from prefect_stageline.stores import open_session
from prefect_stageline.wrapping import stand_in
from stageline.tasks import TaskCall, Tracking, end_unfinished, is_unfinished

if TYPE_CHECKING:
    from prefect.client.schemas import State, TaskRun
    from prefect.tasks import StateHookCallable

P = ParamSpec("P")
R = TypeVar("R")


class TrackedTask(Task[P, R]):
    """A task whose runs are recorded as `tracking` says; made by `tracked_task`."""

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        tracking: Tracking | None = None,
        **options: Unpack[TaskOptions],
    ) -> None:
        self.tracking = tracking or Tracking()
        self.untracked_fn, wrapped = stand_in(fn, instrumented)
        """What was decorated."""
        if not hasattr(self.untracked_fn, "__name__"):
            options.setdefault("name", type(fn).__name__)
        super().__init__(fn=wrapped, **options)
        # Prefect's key is a hash of the code: without this every tracked task had the wrapper's, and a cache would
        # go on serving what an older version of the user's code returned.
        self.task_key = Task(fn=self.untracked_fn).task_key

    def with_options(  # type: ignore[override]  # takes all that Task's does, and `tracking`
        self, *, tracking: Tracking | None = None, **options: Unpack[TaskOptions]
    ) -> TrackedTask[P, R]:
        """A copy with other options; what is not given stays, the tracking too."""
        given: dict[str, Any] = dict(options)
        for name in list(inspect.signature(Task.__init__).parameters)[2:]:
            given.setdefault(name, copy(getattr(self, _ATTRIBUTES.get(name, name))))
        changed: TrackedTask[P, R] = type(self)(
            self.untracked_fn, tracking=tracking or self.tracking, **given
        )
        for bound in ("__prefect_self__", "__prefect_cls__"):
            if hasattr(self.fn, bound):
                setattr(changed.fn, bound, getattr(self.fn, bound))
        for kind in ("_isclassmethod", "_isstaticmethod"):
            if hasattr(self, kind):
                setattr(changed, kind, True)
        return changed

    def call_in(self, context: TaskRunContext, tracking: Tracking) -> TaskCall:
        """What core has to know of the task run of `context`; `tracking` is the task's, as completed by its flow's."""
        return TaskCall(
            identity=task_identity(context),
            open_session=partial(open_session, tracking),
            tracking=tracking,
            # Whether `retry_condition_fn` lets it is known only later: then `record_failed` has the last word.
            will_retry=context.task_run.run_count <= self.retries,
            timeout_s=self.timeout_seconds,
            tags={**task_tags(context), **cache_tags()},
            secret_texts=secret_texts,
            function=self.untracked_fn,
            on_end=task_ended,
            on_upload=uploading,
        )

    # -- hooks of ours ----------------------------------------------------------------------------
    # Prefect logs every hook that it calls, twice, and `with_options` replaces hooks. So ours are not in the lists:
    # they appear in them only when Prefect asks for the hooks of a run that needs them.

    @property
    def on_completion_hooks(self) -> list[StateHookCallable]:
        """Called when the task completes."""
        context = _own_context(self)
        if context is not None and context.task_run.state_name == "Cached":
            return [*self._completion_hooks, _record_cached]
        return self._completion_hooks

    @on_completion_hooks.setter
    def on_completion_hooks(self, hooks: list[StateHookCallable]) -> None:
        self._completion_hooks = hooks

    @property
    def on_failure_hooks(self) -> list[StateHookCallable]:
        """Called when the task fails and is not tried again."""
        context = _own_context(self)
        if context is not None and is_unfinished(task_identity(context).run_id):
            return [*self._failure_hooks, _record_failed]
        return self._failure_hooks

    @on_failure_hooks.setter
    def on_failure_hooks(self, hooks: list[StateHookCallable]) -> None:
        self._failure_hooks = hooks

    # -- from the flow's process to where the task runs ---------------------------------------------

    if not TYPE_CHECKING:  # the signatures are Task's

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            """As `Task.submit`."""
            return super(TrackedTask, self._in_flow()).submit(*args, **kwargs)

        def map(self, *args: Any, **kwargs: Any) -> Any:
            """As `Task.map`."""
            return super(TrackedTask, self._in_flow()).map(*args, **kwargs)

    def _in_flow(self) -> TrackedTask[P, R]:
        """Before the task goes to another process, settle what only the flow's process knows."""
        tracking = tracking_in_flow(self.tracking)
        if tracking is self.tracking:
            return self
        settled = copy(self)
        settled.tracking = tracking
        return settled


_ATTRIBUTES = {
    "on_completion": "_completion_hooks",
    "on_failure": "_failure_hooks",
    "on_running": "on_running_hooks",
    "on_rollback": "on_rollback_hooks",
    "on_commit": "on_commit_hooks",
    "persist_result": "_user_persist_result",
    "cache_policy": "_user_cache_policy",
}
"""Options of a task that it keeps under another name."""


@overload
def tracked_task(fn: Callable[P, R], /) -> TrackedTask[P, R]: ...


@overload
def tracked_task(
    *, tracking: Tracking | None = None, **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], TrackedTask[P, R]]: ...


def tracked_task(
    fn: Callable[P, R] | None = None,
    /,
    *,
    tracking: Tracking | None = None,
    **options: Unpack[TaskOptions],
) -> TrackedTask[P, R] | Callable[[Callable[P, R]], TrackedTask[P, R]]:
    """Make a Prefect task whose runs are recorded, bare or with the options of `@task`.

    A run holds the arguments as params, the numbers in the returned mapping as metrics, the files whose paths are
    returned as artifacts, and how it ended. It is a child of the flow run's; a retry is an attempt of the same run.

    Args:
        fn: The function.
        tracking: What is recorded, if not all of that.
        options: Options of `@task`.

    >>> @tracked_task(retries=2)
    ... def train(alpha: float, l1_ratio: float = 0.5) -> dict[str, float]:
    ...     return {"rmse": alpha * l1_ratio}
    >>> train.fn(0.5)  # the function itself, as with any task: nothing is recorded
    {'rmse': 0.25}
    """
    if fn is not None:
        return TrackedTask(fn, tracking=tracking, **options)
    return lambda function: TrackedTask(function, tracking=tracking, **options)


def _own_context(task: TrackedTask[Any, Any]) -> TaskRunContext | None:
    context = TaskRunContext.get()
    return context if context is not None and context.task is task else None


def _record_cached(task: Task[..., Any], task_run: TaskRun, state: State) -> None:
    context = TaskRunContext.get()
    if context is not None and isinstance(task, TrackedTask):
        record_cached(task.call_in(context, tracking_in_flow(task.tracking)), context, state)


def _record_failed(task: Task[..., Any], task_run: TaskRun, state: State) -> None:
    context = TaskRunContext.get()
    if context is not None and isinstance(task, TrackedTask):
        end_unfinished(task_identity(context).run_id)
