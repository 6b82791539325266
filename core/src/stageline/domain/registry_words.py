"""What happened to a registered model, in words: one short sentence for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_never

from stageline.domain import registry_events as ev

if TYPE_CHECKING:
    from stageline.domain.policy import Policy

_SHOWN = 60


def sentence(event: ev.RegistryEvent) -> str:
    """What happened.

    >>> sentence(ev.StageChanged(version=3, from_stage="Staging", to_stage="Production"))
    'version 3: Staging -> Production'
    """
    match event:
        case ev.ModelCreated():
            return "created the model"
        case ev.ModelDeleted():
            return "deleted the model"
        case ev.ModelDescribed():
            return f"described the model: {_short(event.description)}"
        case ev.ModelTagSet():
            return f"set the tag {event.key}={_short(event.value)}"
        case ev.ModelTagDeleted():
            return f"removed the tag {event.key}"
        case ev.StagesSet():
            return f"gave the model the stages {', '.join(event.stages)}"
        case ev.PolicySet():
            return _policy(event.stage, event.policy)
        case ev.NameReserved():
            return f"kept the name for {event.source}"
        case ev.ModelRenamed():
            return f"renamed the model to {event.to}"
        case ev.RenameAbandoned():
            return f"gave up renaming the model to {event.to}"
        case ev.ModelArrived():
            return f"the model came here from the name {event.source}"
        case ev.AliasSet():
            return f"pointed @{event.alias} at version {event.version}"
        case ev.AliasDeleted():
            return f"removed @{event.alias}"
        case ev.StageChanged():
            return f"version {event.version}: {event.from_stage} -> {event.to_stage}{_cause(event)}"
        case ev.RequestOpened() | ev.RequestApproved() | ev.RequestClosed():
            return _request(event)
        case ev.Unknown():
            return "did what a later version of Stageline can tell"
        case _:
            return _version(event)


def _version(
    event: ev.VersionRegistered | ev.VersionDeleted | ev.VersionDescribed | ev.VersionTagSet
    | ev.VersionTagDeleted | ev.VersionAnnotated | ev.DeploymentSet | ev.DeploymentDeleted,
) -> str:  # fmt: skip
    match event:
        case ev.VersionRegistered():
            of = event.version.run_id and f"run {event.version.run_id}"
            return f"registered version {event.version.version} of {of or event.version.source}"
        case ev.VersionDeleted():
            return f"deleted version {event.version}"
        case ev.VersionDescribed():
            return f"described version {event.version}: {_short(event.description)}"
        case ev.VersionTagSet():
            return f"set the tag {event.key}={_short(event.value)} of version {event.version}"
        case ev.VersionTagDeleted():
            return f"removed the tag {event.key} of version {event.version}"
        case ev.VersionAnnotated():
            return f"said of version {event.version}: {_short(event.annotation.text)}"
        case ev.DeploymentSet():
            return f"deployed version {event.version} to {event.deployment.target}"
        case ev.DeploymentDeleted():
            return f"took version {event.version} off {event.target}"
        case _:
            assert_never(event)


def _request(event: ev.RequestOpened | ev.RequestApproved | ev.RequestClosed) -> str:
    match event:
        case ev.RequestOpened():
            asked = event.request
            move = f"version {asked.version}: {asked.from_stage} -> {asked.to_stage}"
            if asked.status is not ev.RequestStatus.REFUSED:
                return f"request {asked.number} asks for {move}"
            failed = asked.decision.failures if asked.decision else []
            why = "; ".join(one.told for one in failed)
            return f"request {asked.number} was refused, {move}" + (f" ({why})" if why else "")
        case ev.RequestApproved():
            return f"approved request {event.number}"
        case ev.RequestClosed():
            return f"request {event.number} is {event.status}"
        case _:
            assert_never(event)


def _cause(event: ev.StageChanged) -> str:
    match event.cause:
        case ev.Cause.TRANSITION:
            return ""
        case ev.Cause.REQUEST:
            return f" (request {event.request})"
        case ev.Cause.ARCHIVED:
            return " (replaced)"
        case ev.Cause.ROLLBACK:
            return " (rollback)"
        case _:
            assert_never(event.cause)


def _policy(stage: str, policy: Policy | None) -> str:
    if policy is None:
        return f"removed the policy of {stage}"
    asked = ((len(policy.rules), "rule"), (policy.approvals, "approval"))
    demands = [f"{count} {what}" + "s" * (count > 1) for count, what in asked if count]
    return f"set the policy of {stage}" + (f": {', '.join(demands)}" if demands else "")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
