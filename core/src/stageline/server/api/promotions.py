"""Transitions, and requests for them: ask, approve, reject, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from stageline.domain.registry_events import RequestStatus
from stageline.server.api import words
from stageline.server.api.asking import Asking, Name, Pages, RequestNumber
from stageline.server.api.failures import ToldRoute
from stageline.server.api.model_shapes import Version
from stageline.server.api.request_shapes import (
    AnswerToRequest,
    AskForTransition,
    MakeRollback,
    MakeTransition,
    Request,
    RequestPage,
)

router = APIRouter(route_class=ToldRoute, tags=["promotions"])


@router.get("/requests")
def list_requests(
    ask: Asking,
    pages: Pages,
    name: Annotated[str | None, Query(description="Of this model.")] = None,
    status: Annotated[
        RequestStatus | None, Query(description="Only these; without it, the closed ones too.")
    ] = None,
    version: Annotated[int | None, Query(ge=1)] = None,
    stage: Annotated[str | None, Query()] = None,
) -> RequestPage:
    """Requests, the oldest first: of one model, or of all."""
    ask.check("read", model=name)
    found = ask.registry.requests(name, status=status, version=version, stage=stage)
    some, token = pages.of([one for one in found if ask.sees(one[0])])
    return RequestPage(requests=[words.request(*one) for one in some], next_page_token=token)


@router.post("/models/{name}/requests", status_code=201)
def open_request(ask: Asking, name: Name, asked: AskForTransition) -> Request:
    """Ask that a version may enter a stage; the caller's open request for the same, if there is one."""
    found = ask.requesting(name).request_transition(
        name,
        asked.version,
        asked.stage,
        archive_existing=asked.archive_existing,
        comment=asked.comment,
    )
    return words.request(name, found)


@router.get("/models/{name}/requests/{number}")
def get_request(ask: Asking, name: Name, number: RequestNumber) -> Request:
    """A request: any open one, or one of the last that were closed."""
    return words.request(name, ask.reading(name).get_request(name, number))


@router.post("/models/{name}/requests/{number}/approve")
def approve(ask: Asking, name: Name, number: RequestNumber, answer: AnswerToRequest) -> Request:
    """Say yes; the yes that completes the policy moves the version in the same instant."""
    return words.request(name, ask.promoting(name).approve(name, number, comment=answer.comment))


@router.post("/models/{name}/requests/{number}/reject")
def reject(ask: Asking, name: Name, number: RequestNumber, answer: AnswerToRequest) -> Request:
    """Say no, which closes the request."""
    return words.request(name, ask.promoting(name).reject(name, number, comment=answer.comment))


@router.post("/models/{name}/requests/{number}/cancel")
def cancel(ask: Asking, name: Name, number: RequestNumber, answer: AnswerToRequest) -> Request:
    """Take one's own request back."""
    return words.request(name, ask.requesting(name).cancel(name, number, comment=answer.comment))


@router.post("/models/{name}/transitions")
def transition(ask: Asking, name: Name, asked: MakeTransition) -> Version:
    """Bring a version into a stage, if its policy lets it in; 403 with the gate's table if it does not."""
    moved = ask.promoting(name).transition(
        name,
        asked.version,
        asked.stage,
        archive_existing=asked.archive_existing,
        expected_stage=asked.expected_stage,
        reason=asked.reason,
    )
    return Version.model_validate(moved)


@router.post("/models/{name}/rollbacks")
def rollback(ask: Asking, name: Name, asked: MakeRollback) -> Version:
    """Give a stage back to the version that held it before the one that entered last, which is archived."""
    moved = ask.promoting(name).rollback(name, asked.stage, reason=asked.reason)
    return Version.model_validate(moved)
