"""What the clients of a history asked and were told: the only thing that the store is judged by afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from scheduler import Process, Scheduler

from stageline.errors import StagelineError, StorageFailed

Outcome = Literal["done", "unknown", "refused", "in flight"]


@dataclass
class Word:
    """One thing that was said of a run, and whether the caller knows that it was taken."""

    value: Any
    outcome: Outcome = "in flight"

    @property
    def is_promised(self) -> bool:
        return self.outcome == "done"


@dataclass
class RunTold:
    """One run, as its writer was told."""

    run_id: str
    process: Process
    points: dict[tuple[str, int], Word] = field(default_factory=dict)
    params: dict[str, Word] = field(default_factory=dict)
    tags: dict[str, list[Word]] = field(default_factory=dict)
    files: dict[str, Word] = field(default_factory=dict)
    end: Word | None = None
    deletions: list[tuple[bool, Word]] = field(default_factory=list)
    """Deleted (True) or restored, in order."""


@dataclass
class Deed:
    """One call of the registry."""

    number: int
    process: str
    actor: str
    verb: str
    name: str
    given: dict[str, Any]
    began: int
    """Position in the trace of requests when it was called."""
    ended: int = -1
    outcome: Outcome = "in flight"
    answer: Any = None
    error: str = ""
    listings_lied: bool = False

    @property
    def reason(self) -> str:
        """What its entry in the journal says, and no other."""
        return str(self.given.get("reason", f"deed {self.number}"))


class Told:
    """All of it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.runs: dict[str, RunTold] = {}
        self.deeds: list[Deed] = []
        self.found_in_search: list[tuple[str, dict[str, float]]] = []
        self.has_collected = False
        """Whether a collector was at work, and what was deleted may be gone."""
        self.landed: dict[str, dict[int, int]] = {}
        """Registered model -> number of an entry -> position in the trace at which it was put."""

    @contextmanager
    def saying(self, *words: Word) -> Iterator[None]:
        """Note how a call went: a failure of storage leaves what it said unknown, anything else refuses it."""
        try:
            yield
        except StorageFailed:
            _mark(words, "unknown")
        except StagelineError:
            _mark(words, "refused")
            raise
        else:
            _mark(words, "done")


def _mark(words: tuple[Word, ...], outcome: Outcome) -> None:
    for word in words:
        word.outcome = outcome
