"""A registered model from elsewhere, with the numbers, stages and aliases that its versions had there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain import decisions
from stageline.domain import registry_events as ev
from stageline.domain.registry_names import canonical_stage, check_description, check_registry_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stageline.domain.model import ModelVersion
    from stageline.domain.registry_state import ModelState
    from stageline.registry.registry import Registry


class Adopted(NamedTuple):
    """What came of it."""

    new: list[int]
    """Versions that were not there."""
    held_back: list[tuple[int, str]]
    """Versions that were not brought into their stage: it has a policy here, which nobody passes unseen."""
    taken: list[int]
    """Versions that were left out, since their numbers were used here for others."""


def adopt_model(
    registry: Registry,
    name: str,
    versions: Sequence[ModelVersion],
    *,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    aliases: Mapping[str, int] | None = None,
    reason: str = "",
) -> Adopted:
    """Take in a model with its versions. What is here already stays as it is, so the same again changes nothing.

    A number that this model has used, for another version or one that was deleted, is not used again.

    Raises:
        InvalidInput: a name or tag breaks a rule, or a version is in a stage that the model here does not have.
    """
    checked = dict(check_registry_tag(key, value) for key, value in (tags or {}).items())
    text = check_description(description)
    held_back: list[tuple[int, str]] = []
    new: list[int] = []
    taken: list[int] = []

    def decide(state: ModelState) -> list[ev.KnownEvent]:
        for told in (held_back, new, taken):
            told.clear()
        events: list[ev.KnownEvent] = []
        stages, policies, next_version = state.stages, state.policies, state.next_version
        if not state.is_active:
            created = decisions.decide_create(
                state, tags=checked, description=text, stages=None, archive_stage=None
            )
            events += created
            stages = next(one.stages for one in created if isinstance(one, ev.ModelCreated))
            policies = {}
        for version in sorted(versions, key=lambda one: one.version):
            if version.version < next_version:
                known = state.versions.get(str(version.version))
                if known is None or known.creation_timestamp != version.creation_timestamp:
                    taken.append(version.version)
                continue
            stage = canonical_stage(version.current_stage, stages)
            first = msgspec.structs.replace(version, name=name, current_stage=stages[0])
            events.append(ev.VersionRegistered(version=first))
            new.append(version.version)
            if stage in policies:
                held_back.append((version.version, stage))
            elif stage != stages[0]:
                events.append(
                    ev.StageChanged(version=version.version, from_stage=stages[0], to_stage=stage)
                )
        there = {int(number) for number in state.versions} | set(new)
        return [
            *events,
            *(
                ev.AliasSet(alias=alias, version=number)
                for alias, number in (aliases or {}).items()
                if alias not in state.aliases and number in there
            ),
        ]

    registry.acting(reason=reason)._change(name, decide)
    return Adopted(new, held_back, taken)
