"""What was found out about one experiment's runs, for whoever asks the same next, as each page that is turned does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from stageline.clock import Clock
    from stageline.storage.index_changes import IndexState
    from stageline.storage.projection_facts import ColumnFacts

T = TypeVar("T")

STALE_MS = 30_000
"""How long the facts of a large experiment's columns are kept while it changes."""
MOST_ANSWERS = 64


class _Kept(NamedTuple):
    state: IndexState | None
    answers: dict[Hashable, Any]


class _Facts(NamedTuple):
    state: IndexState
    at_ms: int
    columns: list[ColumnFacts]


class RunAnswers:
    """Answers, each as long as the index does not change. Safe from many threads.

    An answer may be newer than the state that it is asked for, never older.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._facts: _Facts | None = None
        self._kept = _Kept(None, {})

    def answer(self, state: IndexState, question: Hashable, find: Callable[[], T]) -> T:
        """The answer that was found in the same state of the index, or a new one."""
        kept = self._kept
        if kept.state != state or len(kept.answers) >= MOST_ANSWERS:
            kept = self._kept = _Kept(state, {})
        if question not in kept.answers:
            kept.answers[question] = find()
        found: T = kept.answers[question]
        return found

    def facts(
        self,
        state: IndexState,
        find: Callable[[], list[ColumnFacts]],
        *,
        is_large: Callable[[], bool],
    ) -> list[ColumnFacts]:
        """Facts of all columns; where there are many runs, at most `STALE_MS` behind."""
        known, now_ms = self._facts, self._clock.now_ms()
        if known is not None:
            is_young = 0 <= now_ms - known.at_ms < STALE_MS and known.state.epoch == state.epoch
            if known.state == state or (is_young and is_large()):
                return known.columns
        columns = find()
        self._facts = _Facts(state, now_ms, columns)
        return columns
