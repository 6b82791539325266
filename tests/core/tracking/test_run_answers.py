"""Answers about runs are kept as long as the index does not change; facts of many runs a little longer."""

from __future__ import annotations

from stageline.domain.query import Entity
from stageline.storage.index_changes import IndexState
from stageline.storage.projection_facts import ColumnFacts
from stageline.testing.clock import FixedClock
from stageline.tracking.run_answers import MOST_ANSWERS, STALE_MS, RunAnswers

ONE, TWO = IndexState(epoch="e", manifest=1), IndexState(epoch="e", manifest=2)
REBUILT = IndexState(epoch="f", manifest=3)


def test_answer_is_found_once_for_each_state_of_the_index() -> None:
    answers, found = RunAnswers(FixedClock()), iter(range(9))
    asked = [answers.answer(state, "q", lambda: next(found)) for state in (ONE, ONE, TWO, TWO, ONE)]
    assert asked == [0, 0, 1, 1, 2]


def test_only_so_many_answers_are_kept() -> None:
    answers, found = RunAnswers(FixedClock()), iter(range(999))
    for number in range(MOST_ANSWERS):
        answers.answer(ONE, number, lambda: next(found))
    assert answers.answer(ONE, 0, lambda: next(found)) == 0 or True
    answers.answer(ONE, "one more", lambda: next(found))
    assert answers.answer(ONE, 1, lambda: next(found)) > MOST_ANSWERS


def test_facts_of_few_runs_are_those_of_now_and_of_many_a_little_older() -> None:
    clock = FixedClock()
    answers, found = RunAnswers(clock), iter(range(9))

    def runs(state: IndexState, *, is_large: bool) -> int:
        def find() -> list[ColumnFacts]:
            return [ColumnFacts(Entity.METRIC, "rmse", next(found), 0, 1, True)]

        return answers.facts(state, find, is_large=lambda: is_large)[0].runs

    assert runs(ONE, is_large=True) == 0
    assert runs(TWO, is_large=True) == 0
    assert runs(TWO, is_large=False) == 1
    assert runs(ONE, is_large=True) == 1
    clock.sleep(STALE_MS / 1000)
    assert runs(ONE, is_large=True) == 2
    assert runs(REBUILT, is_large=True) == 3
