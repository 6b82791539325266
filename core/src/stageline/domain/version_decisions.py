"""What may happen to a version of a registered model, but for its stage: register, describe, tag, deploy, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.model import DEFAULT_STAGES, Annotation, Deployment, ModelVersion
from stageline.domain.model_decisions import (
    Events,
    check_active,
    check_unprotected,
    decide_create,
    get_version,
)
from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.domain.model_state import ModelState


def decide_register(
    state: ModelState, version: ModelVersion, *, create: bool = True, again: bool = False
) -> Events:
    """A version with the next number; unless `again`, none if the same run and files have one already.

    `version` comes with any number and stage: those are decided here.
    """
    created: Events = []
    stages = state.stages
    if not state.is_active:
        if not create:
            check_active(state)
        created = decide_create(state)
        stages = DEFAULT_STAGES
    elif not again and find_same(state, version) is not None:
        return []
    return [
        *created,
        ev.VersionRegistered(
            version=msgspec.structs.replace(
                version, name=state.name, version=state.next_version, current_stage=stages[0]
            )
        ),
    ]


def find_same(state: ModelState, version: ModelVersion) -> ModelVersion | None:
    """The version that was registered of the same run and files, the newest if there are several."""
    if version.run_id is None and not version.facts.digest:
        return None  # the same place may hold something else by now
    for known in reversed(state.all_versions()):
        if (
            known.run_id == version.run_id
            and known.source == version.source
            and known.facts.digest == version.facts.digest
        ):
            return known
    return None


def decide_delete_version(state: ModelState, version: int, *, actor: str, time: int) -> Events:
    """The version is gone; its number is not used again."""
    get_version(state, version)
    check_unprotected(state, [version], "deleted")
    closed: Events = [
        ev.RequestClosed(
            number=request.number,
            status=ev.RequestStatus.CANCELLED,
            by=actor,
            time=time,
            comment=f"version {version} was deleted",
        )
        for request in state.requests.values()
        if request.version == version and request.status is ev.RequestStatus.PENDING
    ]
    return [*closed, ev.VersionDeleted(version=version)]


def decide_describe_version(state: ModelState, version: int, description: str) -> Events:
    """Another description of a version."""
    known = get_version(state, version)
    if known.description == description:
        return []
    check_unprotected(state, [version], "changed")
    return [ev.VersionDescribed(version=version, description=description)]


def decide_set_version_tag(state: ModelState, version: int, key: str, value: str) -> Events:
    """A tag of a version."""
    if get_version(state, version).tags.get(key) == value:
        return []
    check_unprotected(state, [version], "changed")
    return [ev.VersionTagSet(version=version, key=key, value=value)]


def decide_delete_version_tag(state: ModelState, version: int, key: str) -> Events:
    """No such tag of a version any more."""
    if key not in get_version(state, version).tags:
        return []
    check_unprotected(state, [version], "changed")
    return [ev.VersionTagDeleted(version=version, key=key)]


def decide_annotate(state: ModelState, version: int, annotation: Annotation) -> Events:
    """A remark; it changes nothing that was there, so a protected version may have one."""
    get_version(state, version)
    return [ev.VersionAnnotated(version=version, annotation=annotation)]


def decide_set_deployment(state: ModelState, version: int, deployment: Deployment) -> Events:
    """Where a version runs, protected or not; the same place again is no news."""
    known = get_version(state, version).deployments.get(deployment.target)
    if known is not None and msgspec.structs.replace(known, time=deployment.time) == deployment:
        return []
    return [ev.DeploymentSet(version=version, deployment=deployment)]


def decide_delete_deployment(state: ModelState, version: int, target: str) -> Events:
    """A version no longer runs there."""
    known = get_version(state, version).deployments
    if target not in known:
        raise NotFound(
            f"version {version} of {state.name!r} is not deployed to {target!r}; it is to "
            f"{', '.join(sorted(known)) or 'nothing'}"
        )
    return [ev.DeploymentDeleted(version=version, target=target)]


def decide_set_alias(state: ModelState, alias: str, version: int) -> Events:
    """The alias points to this version, wherever it pointed before."""
    get_version(state, version)
    if state.aliases.get(alias) == version:
        return []
    return [ev.AliasSet(alias=alias, version=version)]


def decide_delete_alias(state: ModelState, alias: str) -> Events:
    """No such alias any more; an absent one is fine, as it is in the field."""
    check_active(state)
    return [ev.AliasDeleted(alias=alias)] if alias in state.aliases else []
