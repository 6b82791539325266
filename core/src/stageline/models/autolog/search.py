"""The candidates of a cross-validation search, the best first, as runs of their own would have logged them."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """One point of the search."""

    params: dict[str, Any]
    metrics: dict[str, float]


def is_search(estimator: Any) -> bool:
    """Whether it is a search over params, such as GridSearchCV."""
    from sklearn.model_selection._search import (
        BaseSearchCV,  # late: whoever has an estimator has it
    )

    return isinstance(estimator, BaseSearchCV)


def best_candidates(search: Any, most: int | None) -> list[Candidate]:
    """At most so many candidates, by the rank of their score; params are those of the estimator, with what varied."""
    results = search.cv_results_
    ranks = next(
        (values for name, values in results.items() if name.startswith("rank_test_")), None
    )
    numbers = range(len(results["params"]))
    order = sorted(numbers, key=lambda at: ranks[at]) if ranks is not None else [*numbers]
    fixed = search.estimator.get_params(deep=not is_search(search.estimator))
    return [
        Candidate({**fixed, **results["params"][at]}, _metrics(results, at)) for at in order[:most]
    ]


def _metrics(results: dict[str, Any], at: int) -> dict[str, float]:
    """Means, deviations and ranks; not those of each fold."""
    return {
        name: float(values[at])
        for name, values in results.items()
        if not name.startswith(("param", "split")) and isinstance(values[at], Real)
    }
