"""The proof that a journal is what its writers wrote: each entry names the bytes of the one before."""

from __future__ import annotations

from typing import NamedTuple

from stageline.domain.document import UNREADABLE
from stageline.domain.registry_entry import decode_entry
from stageline.errors import NotAllowed, StagelineError, StorageFailed


class Proof(NamedTuple):
    """Whether a journal is what its writers wrote."""

    name: str
    entries: int
    """How many were checked."""
    head: str
    """sha256 of the newest entry: note it elsewhere, and the past can not be replaced unseen."""
    broken: int | None = None
    """The first entry that is not what it should be; None if all are."""
    problem: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None


def find_problem(name: str, number: int, head: str, data: bytes | None) -> str:
    """What is wrong with the bytes of an entry that follows one with the sha256 `head`; empty if nothing is."""
    if data is None:
        return f"entry {number} is missing"
    try:
        entry = decode_entry(data, f"entry {number}")
    except (StorageFailed, NotAllowed):
        raise
    except (StagelineError, *UNREADABLE) as error:
        return f"entry {number} can not be read: {error}"
    if entry.number != number:
        return f"entry {number} says that it is entry {entry.number}"
    if entry.prev != head:
        return (
            f"entry {number} follows an entry {number - 1} with the sha256 {entry.prev or '(none)'}, and there is one "
            f"with {head or '(none)'}: entry {number - 1} was changed, or entry {number} was"
        )
    if entry.state.name != name:
        return f"entry {number} is about {entry.state.name!r}"
    return ""
