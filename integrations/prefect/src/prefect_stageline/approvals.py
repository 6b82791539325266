"""A flow run that is paused before a gate, until a person answers: in Prefect, or anywhere else in the registry."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Literal

from prefect.context import FlowRunContext
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import pause_flow_run, resume_flow_run
from prefect.input import RunInput
from pydantic import Field

from prefect_stageline.cards import card_markdown
from stageline.errors import InvalidInput, NotAllowed, NotFound, StagelineError
from stageline.tasks import Answer, Gate, GateRefused, is_granted, is_open, transition_markdown

if TYPE_CHECKING:
    from uuid import UUID

    from stageline import Workspace
    from stageline.tasks import TransitionRequest


class Approval(RunInput):
    """What a person answers who resumes a flow run that is paused before a gate."""

    answer: Literal["approve", "reject"] = Field(description="Whether the version may enter.")
    name: str = Field(
        min_length=1,
        description="Who answers: the registry's history keeps it, and checks the right.",
    )
    comment: str = Field(default="", description="Why, for the history.")


_ELSEWHERE = {"answer": "approve", "name": "answered elsewhere"}
"""Resumes a flow run whose request is closed; it decides nothing."""


def wait_for_approval(
    gate: Gate,
    workspace: Workspace,
    *,
    comment: str | None,
    timeout_s: float,
    poll_interval_s: int,
) -> None:
    """Ask in the registry, pause the flow run, and bring what a person answers into the registry's history.

    A name that may not decide it is told so, and the flow run pauses again. If more than one approval is needed, it
    pauses for each. A request that is answered elsewhere, such as by the command line, resumes the flow run.

    Raises:
        GateRefused: somebody said no, or the rules do not hold any more.
        NotAllowed: nobody answered in time; the request is withdrawn.
        InvalidInput: there is no flow run that could be paused.
    """
    flow_run_id = _flow_run_id()
    deadline = time.monotonic() + timeout_s
    found = gate.find_request()
    request, note = found or gate.ask(comment), ""
    try:
        while is_open(request):
            asked = Approval.with_initial_data(
                description=_question(gate, workspace, request, note), comment=""
            )
            with _resumed_when_answered(gate, request, flow_run_id, poll_interval_s):
                given = _paused(asked, deadline - time.monotonic(), poll_interval_s)
            request, note = _answered(gate, request, given)
    except FlowPauseTimeout as error:
        raise NotAllowed(
            f"nobody answered request {request.number} of {gate.model!r} within {timeout_s:g} s: version "
            f"{gate.version} does not enter {request.to_stage}. Ask again, with a longer timeout_s"
        ) from error
    finally:
        # Also of a flow run that is cancelled: a question that nobody waits for any more is no question.
        if found is None and is_open(request):
            gate.withdraw(request, "the flow run waits no longer")
    if not is_granted(request):
        raise gate.closing(request)


def _paused(asked: Any, left_s: float, poll_interval_s: int) -> Approval:
    if left_s <= 0:
        raise FlowPauseTimeout("no time is left")
    # A key of its own for each: with one that it has seen, Prefect does not pause again.
    return pause_flow_run(  # type: ignore[call-overload, no-any-return]
        wait_for_input=asked,
        timeout=max(1, round(left_s)),
        poll_interval=poll_interval_s,
        key=uuid.uuid4().hex,
        _sync=True,
    )


def _answered(
    gate: Gate, request: TransitionRequest, given: Approval
) -> tuple[TransitionRequest, str]:
    """The request as it stands then, and what its next reader has to know."""
    answer = Answer(approves=given.answer == "approve", by=given.name, comment=given.comment)
    standing = gate.standing(request)
    if not is_open(standing):
        return standing, ""
    try:
        return gate.answer(request, answer), ""
    except GateRefused:
        raise
    except (NotAllowed, InvalidInput) as refused:
        return gate.standing(request), str(refused)


def _question(gate: Gate, workspace: Workspace, request: TransitionRequest, note: str) -> str:
    decision = gate.decide()
    said = f"Request {request.number}, by {request.requested_by}"
    parts = [
        f"    {note}" if note else "",  # as code: names of others are in it
        transition_markdown(workspace, gate.model, gate.version, decision),
        f"    {' '.join(f'{said}: {request.comment}'.split())}"
        if request.comment
        else f"    {said}",
        _training_card(gate, workspace),
    ]
    return "\n\n".join(part for part in parts if part)


def _training_card(gate: Gate, workspace: Workspace) -> str:
    run_id = gate.registry.get_version(gate.model, gate.version).run_id
    if run_id is None:
        return ""
    try:
        return card_markdown(run_id, workspace)
    except NotFound:  # collected
        return ""


def _flow_run_id() -> UUID:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise InvalidInput(
            "require_stage(on_block='pause') pauses a flow run, and there is none here: call it in a flow, or use "
            "request_transition, which does not wait"
        )
    return context.flow_run.id


@contextmanager
def _resumed_when_answered(
    gate: Gate, request: TransitionRequest, flow_run_id: UUID, every_s: float
) -> Iterator[None]:
    """In the block, resume the flow run once somebody has answered the request elsewhere."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(every_s):
            try:
                if not is_open(gate.standing(request)):
                    resume_flow_run(flow_run_id, run_input=_ELSEWHERE, _sync=True)  # type: ignore[call-arg]
                    return
            except (NotPausedError, RuntimeError, StagelineError):
                continue  # not paused yet, or resumed by somebody, or the store is away: look again

    watcher = threading.Thread(target=copy_context().run, args=(watch,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
