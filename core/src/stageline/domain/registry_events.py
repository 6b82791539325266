"""What can happen to a registered model: the closed union that its journal records and `registry_state.apply` folds."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from stageline.domain.document import UNREADABLE, readable
from stageline.domain.gate import Decision
from stageline.domain.model import Annotation, Deployment, ModelVersion
from stageline.domain.policy import Policy


class RequestStatus(str, Enum):
    """Where a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    """The version entered the stage."""
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """The gate said no; the request's decision says why."""

    __str__ = str.__str__


class Approval(msgspec.Struct, frozen=True):
    """One person's yes."""

    by: str
    time: int
    comment: str = ""


class TransitionRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody's wish that a version enter a stage, and what became of it."""

    number: int
    """From 1, per model; never used again."""
    version: int
    from_stage: str
    to_stage: str
    archive_existing: bool = False
    requested_by: str
    time: int
    comment: str = ""
    status: RequestStatus = RequestStatus.PENDING
    approvals: tuple[Approval, ...] = ()
    closed_by: str = ""
    closed_time: int = 0
    closing_comment: str = ""
    decision: Decision | None = None
    """The gate's last table."""


class Cause(str, Enum):
    """Why a version changed its stage."""

    TRANSITION = "transition"
    REQUEST = "request"
    ARCHIVED = "archived"
    """Another one took its place."""
    ROLLBACK = "rollback"

    __str__ = str.__str__


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """What all events have in common: a name in the journal."""


class ModelCreated(Event, frozen=True, kw_only=True, tag="model_created"):
    """The name has a model, with no versions."""

    name: str
    description: str = ""
    tags: dict[str, str] = {}
    stages: tuple[str, ...]
    archive_stage: str | None


class ModelDeleted(Event, frozen=True, kw_only=True, tag="model_deleted"):
    """The model and its versions are gone; the journal stays."""


class ModelDescribed(Event, frozen=True, kw_only=True, tag="model_described"):
    """The model has this description."""

    description: str


class ModelTagSet(Event, frozen=True, kw_only=True, tag="model_tag_set"):
    """The model has this tag."""

    key: str
    value: str


class ModelTagDeleted(Event, frozen=True, kw_only=True, tag="model_tag_deleted"):
    """The model lost this tag."""

    key: str


class StagesSet(Event, frozen=True, kw_only=True, tag="stages_set"):
    """The model has these stages."""

    stages: tuple[str, ...]
    archive_stage: str | None


class PolicySet(Event, frozen=True, kw_only=True, tag="policy_set"):
    """A stage has this policy, or none."""

    stage: str
    policy: Policy | None


class NameReserved(Event, frozen=True, kw_only=True, tag="name_reserved"):
    """This name is for the model `source`, if entry `number` there is the rename with this `txn` (design/003)."""

    source: str
    number: int
    txn: str


class ModelRenamed(Event, frozen=True, kw_only=True, tag="model_renamed"):
    """The model has another name from here on."""

    to: str
    txn: str
    """Of the reservation."""


class RenameAbandoned(Event, frozen=True, kw_only=True, tag="rename_abandoned"):
    """The model keeps its name: somebody needed the one that was reserved for it."""

    to: str


class ModelArrived(Event, frozen=True, kw_only=True, tag="model_arrived"):
    """The model came here from another name, with all that it had. `state` is a `ModelState`."""

    source: str
    number: int
    """The entry of the other journal that sent it here."""
    state: dict[str, Any]


class VersionRegistered(Event, frozen=True, kw_only=True, tag="version_registered"):
    """There is a new version."""

    version: ModelVersion


class VersionDeleted(Event, frozen=True, kw_only=True, tag="version_deleted"):
    """A version is gone, with its aliases."""

    version: int


class VersionDescribed(Event, frozen=True, kw_only=True, tag="version_described"):
    """A version has this description."""

    version: int
    description: str


class VersionTagSet(Event, frozen=True, kw_only=True, tag="version_tag_set"):
    """A version has this tag."""

    version: int
    key: str
    value: str


class VersionTagDeleted(Event, frozen=True, kw_only=True, tag="version_tag_deleted"):
    """A version lost this tag."""

    version: int
    key: str


class VersionAnnotated(Event, frozen=True, kw_only=True, tag="version_annotated"):
    """Somebody made a remark on a version."""

    version: int
    annotation: Annotation


class AliasSet(Event, frozen=True, kw_only=True, tag="alias_set"):
    """An alias points to a version."""

    alias: str
    version: int


class AliasDeleted(Event, frozen=True, kw_only=True, tag="alias_deleted"):
    """An alias points nowhere."""

    alias: str


class StageChanged(Event, frozen=True, kw_only=True, tag="stage_changed"):
    """A version went from one stage to another."""

    version: int
    from_stage: str
    to_stage: str
    cause: Cause = Cause.TRANSITION
    request: int | None = None
    decision: Decision | None = None


class RequestOpened(Event, frozen=True, kw_only=True, tag="request_opened"):
    """Somebody asks for a transition; one that the gate refuses at once is opened and closed by this."""

    request: TransitionRequest


class RequestApproved(Event, frozen=True, kw_only=True, tag="request_approved"):
    """One person said yes."""

    number: int
    approval: Approval
    decision: Decision


class RequestClosed(Event, frozen=True, kw_only=True, tag="request_closed"):
    """A request is over."""

    number: int
    status: RequestStatus
    by: str
    time: int
    comment: str = ""
    decision: Decision | None = None


class DeploymentSet(Event, frozen=True, kw_only=True, tag="deployment_set"):
    """A version runs somewhere; whatever version ran there does no longer."""

    version: int
    deployment: Deployment


class DeploymentDeleted(Event, frozen=True, kw_only=True, tag="deployment_deleted"):
    """A version no longer runs there."""

    version: int
    target: str


class Unknown(msgspec.Struct, frozen=True):
    """What a later version of Stageline recorded; the state after it is in the entry all the same."""

    raw: dict[str, Any]


KnownEvent = (
    ModelCreated | ModelDeleted | ModelDescribed | ModelTagSet | ModelTagDeleted
    | StagesSet | PolicySet
    | NameReserved | ModelRenamed | RenameAbandoned | ModelArrived
    | VersionRegistered | VersionDeleted | VersionDescribed
    | VersionTagSet | VersionTagDeleted | VersionAnnotated
    | AliasSet | AliasDeleted
    | StageChanged | RequestOpened | RequestApproved | RequestClosed
    | DeploymentSet | DeploymentDeleted
)  # fmt: skip
RegistryEvent = KnownEvent | Unknown


def decode_event(raw: dict[str, Any]) -> RegistryEvent:
    """One event of an entry; what is not known here is `Unknown`."""
    try:
        event: KnownEvent = msgspec.convert(raw, readable(KnownEvent))
    except UNREADABLE:
        return Unknown(raw)
    return event
