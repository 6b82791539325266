"""A model's history as lanes: for each stage, which version was in it from when to when, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain import registry_events as ev

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.registry.history_entry import HistoryEntry


class Stay(NamedTuple):
    """A version in a stage."""

    version: int
    stage: str
    begin: int
    """Unix milliseconds, of the entry that brought it there."""
    end: int | None
    """None while it is there."""
    entry: str
    """The entry's anchor in the table."""
    actor: str


class Mark(NamedTuple):
    """A decision about a version and a stage."""

    kind: str
    """`asked`, `approved`, `rejected`, `refused`, `cancelled` or `rollback`."""
    stage: str
    version: int
    time: int
    entry: str
    text: str


def stays(entries: Sequence[HistoryEntry]) -> list[Stay]:
    """Who was where: each change of any version's stage ends one stay and begins another."""
    found: list[Stay] = []
    inside: dict[int, int] = {}
    for entry in entries:
        there = entry.stages
        for version, place in list(inside.items()):
            if there.get(version) != found[place].stage:
                found[place] = found[place]._replace(end=entry.time)
                del inside[version]
        for version, stage in there.items():
            if version not in inside:
                inside[version] = len(found)
                found.append(Stay(version, stage, entry.time, None, anchor(entry), entry.actor))
    return found


def marks(entries: Sequence[HistoryEntry]) -> list[Mark]:
    """The requests, answers and rollbacks."""
    found: list[Mark] = []
    for entry in entries:
        for event in entry.events:
            told = _told(event, entry)
            if told is not None:
                kind, stage, version, text = told
                words = f"{text}, by {entry.actor}"
                found.append(Mark(kind, stage, version, entry.time, anchor(entry), words))
    return found


def standing_at(entries: Sequence[HistoryEntry], when: int) -> HistoryEntry | None:
    """The last entry, in entry order, that is not later than `when`."""
    return next((one for one in reversed(entries) if one.time <= when), None)


def held(
    entries: Sequence[HistoryEntry], last: HistoryEntry | None
) -> list[tuple[str, list[Stay]]]:
    """What was where after the entry `last`, stage by stage; the stage where versions begin is left out."""
    if last is None or not last.state.is_active:
        return []
    there = [one for one in stays(entries[: entries.index(last) + 1]) if one.end is None]
    return [
        (stage, [one for one in there if one.stage == stage])
        for stage in last.state.stages
        if stage != last.state.initial_stage
    ]


def anchor(entry: HistoryEntry) -> str:
    """The id of the entry's row: the name too, since a renamed model counts anew."""
    return f"entry-{entry.number}-{entry.digest[:8]}"


def _told(event: ev.RegistryEvent, entry: HistoryEntry) -> tuple[str, str, int, str] | None:
    match event:
        case ev.RequestOpened():
            one = event.request
            kind = "refused" if one.status is ev.RequestStatus.REFUSED else "asked"
            words = "refused" if kind == "refused" else "opened"
            return kind, one.to_stage, one.version, f"Request {one.number} {words}: v{one.version}"
        case ev.RequestApproved() | ev.RequestClosed():
            asked = entry.state.requests.get(str(event.number))
            if asked is None:  # one of so many closed ones that the state forgot it
                return None
            if isinstance(event, ev.RequestApproved):
                kind = "approved"
            elif event.status is ev.RequestStatus.APPROVED:
                return None  # the yes that completed it stands there already
            else:
                kind = event.status.value
            return (
                kind,
                asked.to_stage,
                asked.version,
                f"Request {asked.number} {kind}: v{asked.version}",
            )
        case ev.StageChanged(cause=ev.Cause.ROLLBACK):
            return (
                "rollback",
                event.to_stage,
                event.version,
                f"Rollback: v{event.version} to {event.to_stage}",
            )
        case _:
            return None
