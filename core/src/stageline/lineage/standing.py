"""Which version a URI means, now or at a date, and by which entry of the registry's journal it came to its stage."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.gate_decision import Decision
from stageline.domain.registry_events import Approval, StageChanged, VersionRegistered
from stageline.domain.registry_names import canonical_stage
from stageline.errors import InvalidInput, NotFound
from stageline.models.uri import RegisteredVersion, parse_model_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stageline.domain.model import ModelVersion, RegisteredModel
    from stageline.domain.registry_state import ModelState
    from stageline.registry.history_entry import HistoryEntry
    from stageline.registry.registry import Registry


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """How a version came to its stage. Times are Unix milliseconds by the writers' clocks."""

    entry: int
    """The entry of the model's journal that says so."""
    name: str
    """The model's name then."""
    from_stage: str
    to_stage: str
    time: int
    actor: str
    reason: str = ""
    cause: str
    link: str = ""
    """The orchestrator's page of it."""
    run_id: str | None = None
    """The run that it was done from."""
    request: int | None = None
    requested_by: str = ""
    comment: str = ""
    """Of whoever asked for it."""
    approvals: tuple[Approval, ...] = ()
    decision: Decision | None = None
    """The gate's table."""


class Standing(NamedTuple):
    """A version, and what stands beside it."""

    version: ModelVersion
    others: tuple[int, ...]
    """The other versions in its stage."""
    entered: Entered | None
    as_of: int | None


def standing(uri: str, registry: Registry, as_of: int | datetime | None) -> Standing:
    """The version that `uri` means, now or at a date. Raises `InvalidInput`, `NotFound`."""
    place = parse_model_uri(uri)
    if not isinstance(place, RegisteredVersion):
        raise InvalidInput(
            f"{uri!r} names no registered model: expected models:/<name>/<version or stage>, such as "
            "models:/wine/Production"
        )
    entries = registry.backwards(place.name, as_of=as_of)
    stood: RegisteredModel | ModelState
    if as_of is None:
        stood, versions = registry.get(place.name), registry.versions(place.name)
    else:
        last = next(entries, None)
        if last is None or not last.state.is_active:
            raise NotFound(f"Registered Model with name={place.name} was not there at {as_of}")
        entries = chain([last], entries)
        stood, versions = last.state, last.state.all_versions()
    version = _meant(place, stood, versions, "now" if as_of is None else f"at {as_of}")
    is_first = version.current_stage == stood.stages[0]
    return Standing(
        version=version,
        others=tuple(
            one.version
            for one in versions
            if one.current_stage == version.current_stage and one.version != version.version
        ),
        entered=None if is_first else _entered(version, entries),
        as_of=int(as_of.timestamp() * 1000) if isinstance(as_of, datetime) else as_of,
    )


def _meant(
    place: RegisteredVersion,
    stood: RegisteredModel | ModelState,
    versions: Sequence[ModelVersion],
    when: str,
) -> ModelVersion:
    """What the URI meant, as the model stood. Raises `NotFound`, `InvalidInput`."""
    selector = place.selector
    if selector.startswith("@"):
        number = stood.aliases.get(selector[1:])
        among = [one for one in versions if one.version == number]
    elif selector.isdecimal():
        among = [one for one in versions if str(one.version) == selector.lstrip("0")]
    elif selector.lower() == "latest":
        among = [*versions]
    else:
        stage = canonical_stage(selector, stood.stages)
        among = [one for one in versions if one.current_stage == stage]
    if not among:
        raise NotFound(
            f"{place}: no such version of {place.name!r} was there {when}; there were "
            f"{', '.join(str(one.version) for one in versions[-10:]) or 'none'}"
        )
    return among[-1]


def _entered(version: ModelVersion, entries: Iterable[HistoryEntry]) -> Entered | None:
    for entry in entries:
        for event in reversed(entry.events):
            match event:
                case StageChanged(version=version.version, to_stage=version.current_stage):
                    return _told(entry, event)
                case VersionRegistered() if event.version.version == version.version:
                    return None
                case _:
                    pass
    return None


def _told(entry: HistoryEntry, event: StageChanged) -> Entered:
    asked = None if event.request is None else entry.state.requests.get(str(event.request))
    decision = event.decision or (asked.decision if asked else None)
    return Entered(
        entry=entry.number,
        name=entry.name,
        from_stage=event.from_stage,
        to_stage=event.to_stage,
        time=entry.time,
        actor=entry.actor,
        reason=entry.reason,
        cause=event.cause.value,
        link=entry.link,
        run_id=entry.run_id,
        request=event.request,
        requested_by=asked.requested_by if asked else "",
        comment=asked.comment if asked else "",
        approvals=asked.approvals if asked else (),
        decision=decision,
    )
