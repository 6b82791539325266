"""Whether a recorded history has an order that explains it: the search of Wing and Gong, with Lowe's memory.

Source: G. Lowe, "Testing for linearizability" (2017). No journal is looked at: only calls, answers and times. Models do
not touch each other, so each is judged apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from registry_checks import Line, played
from told import Deed


@dataclass(frozen=True)
class Call:
    """One call as its process saw it; times in nanoseconds of a clock that all processes of the machine share."""

    deed: Deed
    began: int
    ended: int


def recorded(line: dict[str, Any], number: int) -> Call:
    """A call out of what a process printed."""
    answer = line["answer"]
    if line["verb"] == "versions" and answer is not None:
        answer = {int(version): stage for version, stage in answer.items()}
    deed = Deed(
        number, line["process"], line["process"], line["verb"], line["name"], line["given"], 0,
        outcome=line["outcome"], answer=answer, error=line["error"],
    )  # fmt: skip
    return Call(deed, line["began"], line["ended"])


def unexplained(calls: Iterable[Call]) -> list[str]:
    """The models whose calls no order explains."""
    apart: dict[str, list[Call]] = {}
    for call in calls:
        apart.setdefault(call.deed.name, []).append(call)
    return [name for name, theirs in apart.items() if not is_linearizable(theirs)]


def is_linearizable(calls: list[Call]) -> bool:
    """Whether one order explains each answer, in which no call stands before one that had ended when it began.

    A call whose outcome is unknown may have its effect at any later moment, or never.
    """
    todo = frozenset(range(len(calls)))
    must = frozenset(n for n in todo if calls[n].deed.outcome != "unknown")
    seen: set[Hashable] = set()
    stack: list[tuple[frozenset[int], Line]] = [(todo, Line())]
    while stack:
        left, line = stack.pop()
        if not left & must:
            return True
        first_end = min(calls[n].ended for n in left & must)
        for number in left:
            if calls[number].began > first_end:
                continue
            after = _after(line, calls[number].deed)
            if after is None:
                continue
            known = (left - {number}, _frozen(after))
            if known not in seen:
                seen.add(known)
                stack.append((left - {number}, after))
    return False


def _after(line: Line, deed: Deed) -> Line | None:
    what, after, answer = played(line, deed)
    if deed.outcome == "unknown":
        return after if what == "changed" else None
    if deed.outcome == "refused":
        return line if what == "refused" else None
    if what == "refused" or (deed.verb != "answer" and deed.answer != answer):
        return None
    return after


def _frozen(line: Line) -> Hashable:
    return tuple(
        tuple(sorted(part.items())) for part in (line.versions, line.aliases, line.requests)
    )
