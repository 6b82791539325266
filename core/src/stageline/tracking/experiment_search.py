"""Search over experiments: few enough to be judged in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.like import matches
from stageline.domain.page import Page, check_max_results, decode_token, encode_token
from stageline.domain.query import (
    EXPERIMENTS,
    Comparison,
    Entity,
    OrderBy,
    parse_filter,
    parse_order_by,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stageline.domain.experiment import Experiment


def search_experiments(
    experiments: Iterable[Experiment],
    filter_string: str,
    max_results: int,
    order_by: Sequence[str],
    page_token: str | None,
) -> Page[Experiment]:
    """One page of `experiments`; the last changed first unless `order_by` says otherwise. Raises `InvalidInput`."""
    count = check_max_results(max_results)
    offset = decode_token(page_token)
    conditions = parse_filter(filter_string, EXPERIMENTS)
    orderings = parse_order_by(order_by, EXPERIMENTS) or (
        OrderBy(Entity.ATTRIBUTE, "last_update_time", ascending=False),
    )
    found = [
        experiment for experiment in experiments if all(_meets(experiment, c) for c in conditions)
    ]
    found.sort(key=_id_order)
    for ordering in reversed(orderings):  # sorting is stable, so the weightiest ordering comes last
        _sort(found, ordering)
    page = found[offset : offset + count]
    return Page(page, encode_token(offset + count) if len(found) > offset + count else None)


def _meets(experiment: Experiment, condition: Comparison) -> bool:
    return matches(condition, _value(experiment, condition.entity, condition.key))


def _sort(experiments: list[Experiment], ordering: OrderBy) -> None:
    if ordering.key == "experiment_id":
        experiments.sort(key=_id_order, reverse=not ordering.ascending)
        return

    def key(experiment: Experiment) -> tuple[bool, str | int]:
        value = _value(experiment, ordering.entity, ordering.key)
        # What has no value comes last in either direction.
        return (value is None) == ordering.ascending, "" if value is None else value

    experiments.sort(key=key, reverse=not ordering.ascending)


def _id_order(experiment: Experiment) -> tuple[int, str]:
    # Ids are numbers to MLflow, and text to those who made others.
    number = experiment.experiment_id
    return int(number) if number.isdecimal() else 0, number


def _value(experiment: Experiment, entity: Entity, key: str) -> str | int | None:
    if entity is Entity.TAG:
        return experiment.tags.get(key)
    value: str | int = getattr(experiment, key)
    return value
