"""Requests, transitions and their feed, as JSON."""

from __future__ import annotations

from pydantic import Field

from stageline.domain.registry_events import RequestStatus
from stageline.server.api.gate_shapes import Decision
from stageline.server.api.shape import Ask, Shape


class Approval(Shape):
    """One person's yes."""

    by: str
    time: int
    comment: str = ""


class Request(Shape):
    """Somebody's wish that a version enter a stage, and what became of it."""

    name: str
    """The model."""
    number: int
    version: int
    from_stage: str
    to_stage: str
    archive_existing: bool = False
    requested_by: str
    time: int
    comment: str = ""
    status: RequestStatus
    approvals: list[Approval]
    closed_by: str = ""
    closed_time: int = 0
    closing_comment: str = ""
    decision: Decision | None = None


class RequestPage(Shape):
    """Some of the requests, the oldest first."""

    requests: list[Request]
    next_page_token: str | None = None


class AskForTransition(Ask):
    """POST .../requests"""

    version: int = Field(examples=[1])
    stage: str = Field(examples=["Production"])
    archive_existing: bool = False
    comment: str | None = None


class AnswerToRequest(Ask):
    """POST .../approve, .../reject, .../cancel"""

    comment: str | None = Field(None, examples=["checked on the holdout"])


class MakeTransition(Ask):
    """POST .../transitions"""

    version: int = Field(examples=[1])
    stage: str = Field(examples=["Staging"])
    archive_existing: bool = False
    expected_stage: str | None = None
    """Refuse unless the version is in this stage."""
    reason: str | None = None


class MakeRollback(Ask):
    """POST .../rollbacks"""

    stage: str = Field(examples=["Production"])
    reason: str | None = None


class Transition(Shape):
    """A version went from one stage to another."""

    key: str
    """The same for the same transition, however often it is told."""
    name: str
    version: int
    from_stage: str
    to_stage: str
    actor: str
    time: int
    entry: int
    cause: str
    request: int | None = None
    reason: str = ""
    run_id: str | None = None
    link: str = ""


class Feed(Shape):
    """What happened since a cursor."""

    events: list[Transition]
    cursor: str
    """Ask with it next, as `since`."""
