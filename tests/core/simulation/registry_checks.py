"""The registry is linearizable: the journal's one order explains each answer, at a moment between call and answer.

The journal is the witness. Each entry names the deed that it is of, so there is no order to search for: entries are
counted, played on a model as simple as it can be said, and compared with what each caller was told and when.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from told import Deed, Told

from stageline.errors import NotFound
from stageline.workspace import Workspace


@dataclass(frozen=True)
class Line:
    """A registered model, as simply as it can be said."""

    versions: dict[int, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    requests: dict[int, tuple[int, str, str, bool]] = field(default_factory=dict)
    """Number -> version, stage, who asked, whether it is open."""


Result = tuple[str, Line, object]
"""`changed`, `nothing` or `refused`; the line after it; the answer."""


def played(line: Line, deed: Deed) -> Result:
    """What a deed does to a line."""
    given = deed.given
    if deed.verb == "register":
        number = max(line.versions, default=0) + 1
        return "changed", replace(line, versions={**line.versions, number: "None"}), number
    if not line.versions:
        return "refused", line, None
    if deed.verb == "versions":
        return "nothing", line, line.versions
    if deed.verb == "answer":
        return _answered(line, deed)
    version = given["version"]
    if version not in line.versions:
        return "refused", line, None
    if deed.verb == "alias":
        if line.aliases.get(given["alias"]) == version:
            return "nothing", line, version
        return "changed", replace(line, aliases={**line.aliases, given["alias"]: version}), version
    if deed.verb == "request":
        return _asked(line, deed, version)
    return _moved(line, deed, version)


def _moved(line: Line, deed: Deed, version: int) -> Result:
    stage, archive = deed.given["stage"], deed.given["archive"]
    if (archive and stage == "Archived") or deed.given["expected"] not in (
        None, line.versions[version],
    ):  # fmt: skip
        return "refused", line, None
    others = [n for n, held in line.versions.items() if held == stage and n != version]
    if line.versions[version] == stage and not (archive and others):
        return "nothing", line, stage
    for other in others if archive else []:
        line = _entered(line, other, "Archived")
    if line.versions[version] != stage:
        line = _entered(line, version, stage)
    return "changed", line, stage


def _entered(line: Line, version: int, stage: str) -> Line:
    requests = {
        number: (v, s, by, is_open and (v, s) != (version, stage))
        for number, (v, s, by, is_open) in line.requests.items()
    }
    return replace(line, versions={**line.versions, version: stage}, requests=requests)


def _asked(line: Line, deed: Deed, version: int) -> Result:
    stage = deed.given["stage"]
    if line.versions[version] == stage:
        return "refused", line, None
    for number, (v, s, by, is_open) in line.requests.items():
        if is_open and (v, s) == (version, stage):
            return ("nothing" if by == deed.actor else "refused"), line, number
    number = max(line.requests, default=0) + 1
    asked = (version, stage, deed.actor, True)
    return "changed", replace(line, requests={**line.requests, number: asked}), number


def _answered(line: Line, deed: Deed) -> Result:
    number, yes = deed.given["request"], deed.given["yes"]
    version, stage, by, is_open = line.requests.get(number, (0, "", "", False))
    if not is_open or (yes and by == deed.actor):
        return "refused", line, None
    closed = {**line.requests, number: (version, stage, by, False)}
    line = replace(line, requests=closed)
    if yes:
        return "changed", _entered(line, version, stage), "approved"
    return "changed", line, "rejected"


def of_registry(workspace: Workspace, told: Told) -> list[str]:
    """Each registered model's journal against what its writers were told."""
    names = sorted({deed.name for deed in told.deeds})
    return [f"{name}: {what}" for name in names for what in _of_model(workspace, told, name)]


def _of_model(workspace: Workspace, told: Told, name: str) -> list[str]:
    registry = workspace.registry
    deeds = [deed for deed in told.deeds if deed.name == name]
    ledger = registry._ledger
    count = ledger.newest().get(name, 0)
    found: list[str] = []
    try:
        if count and not registry.verify(name).is_intact:
            found.append("its chain is broken")
    except NotFound:
        found.append("it has entries, and is not there")
    landed = told.landed.get(name, {})
    by_reason: dict[str, list[Deed]] = {}
    for deed in deeds:
        by_reason.setdefault(deed.reason, []).append(deed)
    lines, entries = [Line()], Counter[str]()
    for number in range(1, count + 1):
        entry, _ = ledger.entry(name, number)
        same = by_reason.get(entry.reason or "", [])
        if not same:
            return [*found, f"entry {number} is nobody's: {entry.reason!r}"]
        entries[entry.reason or ""] += 1
        what, line, answer = played(lines[-1], same[0])
        if what != "changed":
            return [*found, f"entry {number} of {same[0]} does what it may not ({what})"]
        stored = {v.version: v.current_stage for v in entry.state.all_versions()}
        if stored != line.versions:
            return [
                *found,
                f"entry {number} of {same[0]} has {stored}, and should have {line.versions}",
            ]
        lines.append(line)
        if len(same) == 1:
            found += _of_change(same[0], answer, landed.get(number, -1), number)
    for reason, same in by_reason.items():
        found += _of_counts(reason, same, entries[reason])
    for deed in deeds:
        if not entries[deed.reason] and deed.outcome in ("done", "refused"):
            found += _of_no_change(deed, lines, landed)
    answers = [d.answer for d in deeds if d.verb == "register" and d.outcome == "done"]
    found += [f"version {v} was given to two" for v, n in Counter(answers).items() if n > 1]
    return found


def _of_change(deed: Deed, answer: object, landed: int, number: int) -> list[str]:
    if deed.outcome == "refused":
        return [f"{deed} was refused, and is entry {number}"]
    if deed.outcome != "done":
        return []
    if deed.answer != answer and deed.verb != "answer":
        return [f"{deed} was told {deed.answer}, and by entry {number} it is {answer}"]
    if not deed.began <= landed <= deed.ended:
        return [f"{deed} is entry {number}, which landed at {landed}"]
    return []


def _of_counts(reason: str, same: list[Deed], entries: int) -> list[str]:
    if len(same) == 1 and same[0].outcome == "done" and entries == 0:
        return []  # nothing to do: looked at apart
    least = sum(deed.outcome == "done" for deed in same)
    most = sum(deed.outcome != "refused" for deed in same)
    if len(same) == 1:
        least = min(least, entries)
    if not least <= entries <= most:
        return [f"{reason!r} was done {least} to {most} times, and is in {entries} entries"]
    return []


def _of_no_change(deed: Deed, lines: list[Line], landed: dict[int, int]) -> list[str]:
    """Some state between call and answer must explain it; a listing that lied may have shown an older one."""
    before = sum(1 for at in landed.values() if at <= deed.began)
    after = sum(1 for at in landed.values() if at <= deed.ended)
    first = 0 if deed.listings_lied else before
    expected = "nothing" if deed.outcome == "done" else "refused"
    for line in lines[first : after + 1]:
        what, _, answer = played(line, deed)
        if what == expected and (expected == "refused" or deed.answer == answer):
            return []
    return [f"{deed} is explained by none of {lines[first : after + 1]}"]
