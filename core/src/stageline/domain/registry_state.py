"""The state of one registered model, and how each event changes it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import assert_never

from stageline.domain import registry_events as ev
from stageline.domain.document import UNREADABLE
from stageline.domain.model import DEFAULT_STAGES, ModelVersion, RegisteredModel, Stage
from stageline.domain.policy import Policy
from stageline.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_REQUESTS = 50
"""Closed requests in the state: enough for a page; the journal has them all."""
KEPT_HOLDERS = 50
"""Versions that a stage is remembered to have held, for rollback."""


class Phase(str, Enum):
    """Whether the name has a model."""

    ABSENT = "absent"
    ACTIVE = "active"
    DELETED = "deleted"
    RENAMED = "renamed"

    __str__ = str.__str__


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """For which model the name is held; see `registry_events.NameReserved`."""

    source: str
    number: int
    txn: str


class ModelState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that the journal of one name says."""

    name: str
    phase: Phase = Phase.ABSENT
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    description: str = ""
    tags: dict[str, str] = {}
    stages: tuple[str, ...] = DEFAULT_STAGES
    archive_stage: str | None = Stage.ARCHIVED.value
    """Where versions go that are replaced or rolled back; None: to the first stage, and nothing is archived."""
    next_version: int = 1
    next_request: int = 1
    versions: dict[str, ModelVersion] = {}
    """By number, in digits."""
    aliases: dict[str, int] = {}
    policies: dict[str, Policy] = {}
    requests: dict[str, ev.TransitionRequest] = {}
    """By number, in digits."""
    holders: dict[str, tuple[int, ...]] = {}
    """Stage -> the versions that entered it, the last one last; a rollback takes back the last entry."""
    reserved: Reservation | None = None
    renamed_to: str | None = None
    came_from: tuple[str, int] | None = None
    """The name that the model had before, and the entry there that ended it."""

    @property
    def is_active(self) -> bool:
        """Whether the name has a model."""
        return self.phase is Phase.ACTIVE

    @property
    def initial_stage(self) -> str:
        """Where versions begin."""
        return self.stages[0]

    def policy(self, stage: str) -> Policy:
        """The policy of a stage; one that demands nothing if none was set."""
        return self.policies.get(stage, Policy())

    def numbers(self) -> list[int]:
        """The versions there are, in order."""
        return sorted(int(key) for key in self.versions)

    def find(self, version: int) -> ModelVersion | None:
        """A version as its user sees it."""
        found = self.versions.get(str(version))
        aliases = tuple(sorted(a for a, number in self.aliases.items() if number == version))
        return found and msgspec.structs.replace(found, aliases=aliases)

    def all_versions(self) -> list[ModelVersion]:
        """All versions, the newest last."""
        return [view for number in self.numbers() if (view := self.find(number)) is not None]

    def holding(self, stage: str) -> list[int]:
        """The versions that are in a stage, in order."""
        return [n for n in self.numbers() if self.versions[str(n)].current_stage == stage]

    def latest(self, stages: Iterable[str]) -> list[ModelVersion]:
        """The highest version of each stage that holds any."""
        highest = [max(held) for stage in stages if (held := self.holding(stage))]
        return [view for number in highest if (view := self.find(number)) is not None]

    def to_model(self) -> RegisteredModel:
        """The model as its user sees it."""
        return RegisteredModel(
            name=self.name,
            creation_timestamp=self.creation_timestamp,
            last_updated_timestamp=self.last_updated_timestamp,
            description=self.description,
            tags=dict(self.tags),
            aliases=dict(sorted(self.aliases.items())),
            latest_versions=[
                msgspec.structs.replace(version, aliases=()) for version in self.latest(self.stages)
            ],
            stages=self.stages,
        )


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


def state_of(raw: dict[str, Any], what: str) -> ModelState:
    """A state out of a document. Raises `Corrupt`."""
    try:
        return msgspec.convert(raw, ModelState)
    except UNREADABLE as error:
        raise Corrupt(f"{what} can not be read: {error}") from error


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
            return new(state, tags=_without(state.tags, event.key))
        case ev.StagesSet():
            return new(state, stages=event.stages, archive_stage=event.archive_stage)
        case ev.PolicySet():
            others = _without(state.policies, event.stage)
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
                versions=_without(state.versions, str(event.version)),
                aliases={a: n for a, n in state.aliases.items() if n != event.version},
            )
        case ev.AliasSet():
            return _touched(
                new(state, aliases={**state.aliases, event.alias: event.version}),
                event.version, time,
            )  # fmt: skip
        case ev.AliasDeleted():
            return new(state, aliases=_without(state.aliases, event.alias))
        case ev.StageChanged():
            return _moved(state, event, time)
        case ev.RequestOpened() | ev.RequestApproved() | ev.RequestClosed():
            return _asked(state, event)
        case _:
            return _version_changed(state, event, time)


_OfVersion = (
    ev.VersionDescribed | ev.VersionTagSet | ev.VersionTagDeleted | ev.VersionAnnotated
    | ev.DeploymentSet | ev.DeploymentDeleted
)  # fmt: skip


def _version_changed(state: ModelState, event: _OfVersion, time: int) -> ModelState:
    known = state.versions[str(event.version)]
    match event:
        case ev.VersionDescribed():
            return _touched(state, event.version, time, description=event.description)
        case ev.VersionTagSet():
            return _touched(state, event.version, time, tags={**known.tags, event.key: event.value})
        case ev.VersionTagDeleted():
            return _touched(state, event.version, time, tags=_without(known.tags, event.key))
        case ev.VersionAnnotated():
            return _touched(
                state, event.version, time, annotations=(*known.annotations, event.annotation)
            )
        case ev.DeploymentSet():
            target = event.deployment.target
            for number, version in state.versions.items():
                if target in version.deployments and number != str(event.version):
                    state = _touched(
                        state, int(number), time, deployments=_without(version.deployments, target)
                    )
            deployments = {**known.deployments, target: event.deployment}
            return _touched(state, event.version, time, deployments=deployments)
        case ev.DeploymentDeleted():
            return _touched(
                state, event.version, time, deployments=_without(known.deployments, event.target)
            )
        case _:
            assert_never(event)


def _moved(state: ModelState, event: ev.StageChanged, time: int) -> ModelState:
    moved = _touched(state, event.version, time, current_stage=event.to_stage)
    entered = state.holders.get(event.to_stage, ())
    if event.cause is ev.Cause.ROLLBACK and event.version in entered:
        # What entered after it is taken back, or two rollbacks would go back and forth.
        last = len(entered) - 1 - entered[::-1].index(event.version)
        entered = entered[: last + 1]
    else:
        entered = (*entered, event.version)[-KEPT_HOLDERS:]
    return msgspec.structs.replace(moved, holders={**state.holders, event.to_stage: entered})


def _asked(
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


def _touched(state: ModelState, version: int, time: int, **changes: Any) -> ModelState:
    known = state.versions[str(version)]
    changed = msgspec.structs.replace(known, last_updated_timestamp=time, **changes)
    return msgspec.structs.replace(state, versions={**state.versions, str(version): changed})


def _without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: value for k, value in mapping.items() if k != key}
