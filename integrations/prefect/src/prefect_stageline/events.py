"""What happens in the registry as events of Prefect: what automations and the event feed see."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID, uuid5

from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event, emit_event

from stageline.tasks import on_transition

if TYPE_CHECKING:
    from stageline.tasks import TransitionEvent

STAGE_CHANGED = "stageline.model.stage-changed"
"""A version of a registered model went from one stage to another."""

_IDS = UUID("5e1b1f0e-8b1c-5b0a-9d0d-2f1f6f3c7a11")
"""A name space of our own (RFC 9562, version 5)."""


def model_resource(name: str) -> str:
    """The id of a registered model as a resource of Prefect's events.

    >>> model_resource("wine/red*")
    'stageline.model.wine%2Fred%2A'
    """
    return f"stageline.model.{quote(name, safe='')}"


def event_of(transition: TransitionEvent) -> Event:
    """The event that tells of a transition: the same whoever tells it, and how often.

    The labels of its resource are what triggers match, its payload is what they pass on: `{{ event.payload.version }}`.
    """
    labels = {
        "prefect.resource.id": model_resource(transition.name),
        "prefect.resource.name": transition.name,
        "stageline.version": str(transition.version),
        "stageline.from-stage": transition.from_stage,
        "stageline.to-stage": transition.to_stage,
        "stageline.cause": transition.cause,
    }
    payload = {
        "model": transition.name,
        "version": transition.version,
        "uri": f"models:/{transition.name}/{transition.version}",
        "from_stage": transition.from_stage,
        "to_stage": transition.to_stage,
        "actor": transition.actor,
        "reason": transition.reason,
        "cause": transition.cause,
        "request": transition.request,
        "run_id": transition.run_id,
        "link": transition.link,
        "entry": transition.entry,
    }
    return Event(
        id=uuid5(_IDS, f"{transition.txn}:{transition.name}:{transition.version}"),
        event=STAGE_CHANGED,
        occurred=datetime.datetime.fromtimestamp(transition.time / 1000, datetime.timezone.utc),
        resource=labels,
        payload=payload,
    )


def emit_own_transitions() -> None:
    """From now on tell Prefect of each transition that a flow or a task makes in this process."""
    on_transition(_emit)


def _emit(transition: TransitionEvent) -> None:
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return  # whoever makes it is no flow: `stageline watch prefect` tells of it
    event = event_of(transition)
    emit_event(
        event.event,
        resource=dict(event.resource.root),
        occurred=event.occurred,
        payload=event.payload,
        id=event.id,
    )
