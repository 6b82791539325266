"""The run of a flow run: begun by a tracked flow, or by the first tracked task of any; ended as Prefect ends it."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext
from prefect.runtime import flow_run as flow_run_runtime

from prefect_stageline.cards import show_flow_card
from prefect_stageline.identity import (
    ORCHESTRATOR,
    flow_identity,
    flow_run_of,
    flow_tags,
    secret_texts,
)
from prefect_stageline.stores import open_session
from stageline import RunStatus
from stageline.tasks import (
    Recording,
    TaskCall,
    Tracking,
    end_parent,
    fail_parent,
    find_parent,
    open_parent,
    pipeline_run_id,
)

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas import State
    from prefect.client.schemas.objects import FlowRun
    from prefect.flows import Flow


def begin_flow_run(
    context: FlowRunContext, tracking: Tracking, *, parent_flow_run: str | None = None
) -> Recording:
    """Begin the run of the flow run, once; Prefect's hooks will end it.

    Args:
        context: Of this process: what was sent to another has no hooks that anybody calls.
        tracking: Of the flow, or of a task whose flow has none of its own.
        parent_flow_run: Id of the flow run that started this one, where the caller knows it.
    """
    run = flow_run_of(context)
    known = find_parent(_run_id(run.id))
    if known is not None and known.call.identity.attempt >= run.run_count:
        return known
    if context.flow is not None:
        _hook(context.flow)
    if parent_flow_run is None and run.parent_task_run_id is not None:
        parent_flow_run = flow_run_runtime.parent_flow_run_id  # asks Prefect's server
    if parent_flow_run is not None:
        tracking = inherited(tracking, parent_flow_run)
    call = TaskCall(
        identity=flow_identity(context, parent_flow_run),
        open_session=partial(open_session, tracking),
        tracking=tracking,
        will_retry=context.flow is not None and run.run_count <= (context.flow.retries or 0),
        timeout_s=context.flow.timeout_seconds if context.flow is not None else None,
        tags=flow_tags(run),
        secret_texts=secret_texts,
        function=context.flow.fn if context.flow is not None else None,
        on_end=show_flow_card,
    )
    return open_parent(call, context.parameters or {})


def tracking_in_flow(tracking: Tracking) -> Tracking:
    """A task's tracking as it holds in the flow run that runs here, whose run is begun if it is not."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return tracking
    if context.detached:
        return inherited(tracking, context.flow_run.id)
    return tracking.within(begin_flow_run(context, tracking).call.tracking)


def inherited(tracking: Tracking, flow_run_id: UUID | str) -> Tracking:
    """A task's tracking, with what it leaves open taken from that of its flow."""
    parent = find_parent(_run_id(flow_run_id))
    return tracking if parent is None else tracking.within(parent.call.tracking)


def end_flow_run(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """A hook: end the run as Prefect ended the flow run."""
    if state.is_completed():
        end_parent(_run_id(flow_run.id), RunStatus.FINISHED)
    elif state.is_failed():
        end_parent(_run_id(flow_run.id), RunStatus.FAILED, _reason(flow_run, state))
    else:
        end_parent(_run_id(flow_run.id), RunStatus.KILLED, state.message or state.name)


def _reason(flow_run: FlowRun, state: State) -> str | None:
    error = getattr(state.data, "result", state.data)
    recording = find_parent(_run_id(flow_run.id))
    if recording is None or not isinstance(error, BaseException):
        return state.message
    return recording.ending(error)[1]


def fail_flow_run(recording: Recording, error: BaseException) -> None:
    """The body of a flow was left by `error`: end its run, or its attempt if Prefect means to try again."""
    fail_parent(recording.call.identity.run_id, error)


def _hook(flow: Flow[..., Any]) -> None:
    # At run time and into the flow's own lists, since `with_options` replaces hooks.
    for hooks in (
        flow.on_completion_hooks,
        flow.on_failure_hooks,
        flow.on_crashed_hooks,
        flow.on_cancellation_hooks,
    ):
        if end_flow_run not in hooks:
            hooks.append(end_flow_run)


@lru_cache(maxsize=256)
def _run_id(flow_run_id: UUID | str) -> str:
    return pipeline_run_id(ORCHESTRATOR, str(flow_run_id))
