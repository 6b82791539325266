"""How events change one version of a model's state, where it stands, and what is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import assert_never

from stageline.domain import registry_events as ev

if TYPE_CHECKING:
    from stageline.domain.model_state import ModelState

KEPT_REQUESTS = 50
"""Closed requests in the state: enough for a page; the journal has them all."""
KEPT_HOLDERS = 50
"""Versions that a stage is remembered to have held, for rollback."""

VersionEvent = (
    ev.VersionDescribed | ev.VersionTagSet | ev.VersionTagDeleted | ev.VersionAnnotated
    | ev.DeploymentSet | ev.DeploymentDeleted
)  # fmt: skip


def version_changed(state: ModelState, event: VersionEvent, time: int) -> ModelState:
    known = state.versions[str(event.version)]
    match event:
        case ev.VersionDescribed():
            return touched(state, event.version, time, description=event.description)
        case ev.VersionTagSet():
            return touched(state, event.version, time, tags={**known.tags, event.key: event.value})
        case ev.VersionTagDeleted():
            return touched(state, event.version, time, tags=without(known.tags, event.key))
        case ev.VersionAnnotated():
            return touched(
                state, event.version, time, annotations=(*known.annotations, event.annotation)
            )
        case ev.DeploymentSet():
            target = event.deployment.target
            for number, version in state.versions.items():
                if target in version.deployments and number != str(event.version):
                    state = touched(
                        state, int(number), time, deployments=without(version.deployments, target)
                    )
            deployments = {**known.deployments, target: event.deployment}
            return touched(state, event.version, time, deployments=deployments)
        case ev.DeploymentDeleted():
            return touched(
                state, event.version, time, deployments=without(known.deployments, event.target)
            )
        case _:
            assert_never(event)


def moved(state: ModelState, event: ev.StageChanged, time: int) -> ModelState:
    moved = touched(state, event.version, time, current_stage=event.to_stage)
    entered = state.holders.get(event.to_stage, ())
    if event.cause is ev.Cause.ROLLBACK and event.version in entered:
        # What entered after it is taken back, or two rollbacks would go back and forth.
        last = len(entered) - 1 - entered[::-1].index(event.version)
        entered = entered[: last + 1]
    else:
        entered = (*entered, event.version)[-KEPT_HOLDERS:]
    return msgspec.structs.replace(moved, holders={**state.holders, event.to_stage: entered})


def asked(
    state: ModelState, event: ev.RequestOpened | ev.RequestApproved | ev.RequestClosed
) -> ModelState:
    match event:
        case ev.RequestOpened():
            request = event.request
        case ev.RequestApproved():
            known = state.requests[str(event.number)]
            request = msgspec.structs.replace(
                known, approvals=(*known.approvals, event.approval), decision=event.decision
            )
        case ev.RequestClosed():
            known = state.requests[str(event.number)]
            request = msgspec.structs.replace(
                known,
                status=event.status,
                closed_by=event.by,
                closed_time=event.time,
                closing_comment=event.comment,
                decision=event.decision or known.decision,
            )
        case _:
            assert_never(event)
    requests = {**state.requests, str(request.number): request}
    closed = [key for key, one in requests.items() if one.status is not ev.RequestStatus.PENDING]
    for key in sorted(closed, key=int)[:-KEPT_REQUESTS]:
        del requests[key]
    return msgspec.structs.replace(
        state, requests=requests, next_request=max(state.next_request, request.number + 1)
    )


def touched(state: ModelState, version: int, time: int, **changes: Any) -> ModelState:
    known = state.versions[str(version)]
    changed = msgspec.structs.replace(known, last_updated_timestamp=time, **changes)
    return msgspec.structs.replace(state, versions={**state.versions, str(version): changed})


def without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: value for k, value in mapping.items() if k != key}
