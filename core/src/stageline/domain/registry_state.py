"""How each event changes the state of a registered model; the state itself is `model_state`'s, and named here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.model_state import ModelState, Phase, Reservation, state_of
from stageline.domain.version_state import (
    KEPT_HOLDERS,
    KEPT_REQUESTS,
    asked,
    moved,
    touched,
    version_changed,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "KEPT_HOLDERS",
    "KEPT_REQUESTS",
    "ModelState",
    "Phase",
    "Reservation",
    "apply",
    "fold",
    "state_of",
]


def fold(state: ModelState, events: Iterable[ev.RegistryEvent], time: int) -> ModelState:
    """The state after all of `events`."""
    for event in events:
        state = apply(state, event, time)
    return state


def apply(state: ModelState, event: ev.RegistryEvent, time: int) -> ModelState:
    """The state after `event`, which was recorded at `time`. Total: what was decided is not judged again."""
    match event:
        case ev.NameReserved():
            reserved = Reservation(source=event.source, number=event.number, txn=event.txn)
            return msgspec.structs.replace(state, reserved=reserved)
        case ev.RenameAbandoned() | ev.Unknown():
            return state
        case ev.ModelCreated():
            return _created(state, event, time)
        case ev.ModelArrived():
            return _arrived(state, event)
        case ev.ModelDeleted():
            return _emptied(state, Phase.DELETED, time)
        case ev.ModelRenamed():
            return _emptied(state, Phase.RENAMED, time, renamed_to=event.to)
        case _:
            changed = _changed(state, event, time)
            return msgspec.structs.replace(changed, last_updated_timestamp=time)


def _created(state: ModelState, event: ev.ModelCreated, time: int) -> ModelState:
    return ModelState(
        name=event.name,
        phase=Phase.ACTIVE,
        creation_timestamp=time,
        last_updated_timestamp=time,
        description=event.description,
        tags=event.tags,
        stages=event.stages,
        archive_stage=event.archive_stage,
        next_version=state.next_version,
        next_request=state.next_request,
    )


def _arrived(state: ModelState, event: ev.ModelArrived) -> ModelState:
    there = state_of(event.state, f"the state of {event.source!r} that was moved to {state.name!r}")
    versions = {
        key: msgspec.structs.replace(version, name=state.name)
        for key, version in there.versions.items()
    }
    return msgspec.structs.replace(
        there,
        name=state.name,
        phase=Phase.ACTIVE,
        versions=versions,
        # Both names may have had numbers that somebody wrote down.
        next_version=max(there.next_version, state.next_version),
        next_request=max(there.next_request, state.next_request),
        reserved=None,
        renamed_to=None,
        came_from=(event.source, event.number),
    )


def _emptied(
    state: ModelState, phase: Phase, time: int, renamed_to: str | None = None
) -> ModelState:
    return ModelState(
        name=state.name,
        phase=phase,
        creation_timestamp=state.creation_timestamp,
        last_updated_timestamp=time,
        next_version=state.next_version,
        next_request=state.next_request,
        renamed_to=renamed_to,
    )


_Inner = (
    ev.ModelDescribed | ev.ModelTagSet | ev.ModelTagDeleted | ev.StagesSet | ev.PolicySet
    | ev.VersionRegistered | ev.VersionDeleted | ev.VersionDescribed | ev.VersionTagSet
    | ev.VersionTagDeleted | ev.VersionAnnotated | ev.AliasSet | ev.AliasDeleted | ev.StageChanged
    | ev.RequestOpened | ev.RequestApproved | ev.RequestClosed | ev.DeploymentSet
    | ev.DeploymentDeleted
)  # fmt: skip


def _changed(state: ModelState, event: _Inner, time: int) -> ModelState:
    new = msgspec.structs.replace
    match event:
        case ev.ModelDescribed():
            return new(state, description=event.description)
        case ev.ModelTagSet():
            return new(state, tags={**state.tags, event.key: event.value})
        case ev.ModelTagDeleted():
            return new(state, tags=without(state.tags, event.key))
        case ev.StagesSet():
            return new(state, stages=event.stages, archive_stage=event.archive_stage)
        case ev.PolicySet():
            others = without(state.policies, event.stage)
            return new(
                state, policies={**others, event.stage: event.policy} if event.policy else others
            )
        case ev.VersionRegistered():
            number = event.version.version
            return new(
                state,
                versions={**state.versions, str(number): event.version},
                next_version=max(state.next_version, number + 1),
            )
        case ev.VersionDeleted():
            return new(
                state,
                versions=without(state.versions, str(event.version)),
                aliases={a: n for a, n in state.aliases.items() if n != event.version},
            )
        case ev.AliasSet():
            return touched(
                new(state, aliases={**state.aliases, event.alias: event.version}),
                event.version, time,
            )  # fmt: skip
        case ev.AliasDeleted():
            return new(state, aliases=without(state.aliases, event.alias))
        case ev.StageChanged():
            return moved(state, event, time)
        case ev.RequestOpened() | ev.RequestApproved() | ev.RequestClosed():
            return asked(state, event)
        case _:
            return version_changed(state, event, time)
