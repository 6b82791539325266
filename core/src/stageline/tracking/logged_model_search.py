"""Search over logged models: few enough to be judged in memory; what runs measured is looked up only if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from stageline.domain.like import matches
from stageline.domain.page import Page, check_max_results, decode_token, encode_token
from stageline.domain.query import Comparison, Entity, OrderBy, parse_filter, parse_order_by
from stageline.domain.vocabulary import LOGGED_MODELS
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stageline.domain.logged_model import LoggedModel, ModelMetric

LOGGED_MODELS_PAGE = 100

Dataset: TypeAlias = "tuple[str | None, str | None]"
"""Name and digest; None: any."""
Ordering: TypeAlias = "tuple[OrderBy, str | None, str | None]"
"""By what, and measured on which dataset."""


def asked_dataset(name: str | None, digest: str | None = None) -> tuple[str, str | None]:
    """A dataset as MLflow's clients name it. Raises `InvalidInput`."""
    if not name:
        raise InvalidInput("`dataset_name` in the `datasets` clause must be specified.")
    return name, digest or None


def asked_order(
    field: str | None,
    ascending: bool | None = None,
    dataset_name: str | None = None,
    dataset_digest: str | None = None,
) -> Ordering:
    """An ordering as MLflow's clients name it: `metrics.rmse`, whose key needs no quotes. Raises `InvalidInput`."""
    if not isinstance(field, str) or not field or "`" in field:
        raise InvalidInput("`field_name` in the `order_by` clause must be specified.")
    entity, dot, key = field.partition(".")
    name = f"{entity}.`{key}`" if dot else field
    (ordering,) = parse_order_by(
        [f"{name} {'DESC' if ascending is False else 'ASC'}"], LOGGED_MODELS
    )
    return ordering, dataset_name or None, dataset_digest or None


def search_logged_models(
    models: Callable[[], Iterable[LoggedModel]],
    with_metrics: Callable[[Sequence[LoggedModel]], list[LoggedModel]],
    filter_string: str | None,
    *,
    datasets: Sequence[Dataset],
    max_results: int | None,
    order_by: Sequence[Ordering],
    page_token: str | None,
) -> Page[LoggedModel]:
    """One page of models; a metric in the filter must be measured on one of `datasets`. Raises `InvalidInput`."""
    count = check_max_results(max_results, default=LOGGED_MODELS_PAGE)
    offset = decode_token(page_token)
    conditions = parse_filter(filter_string, LOGGED_MODELS)
    about_runs = [one for one in conditions if one.entity is Entity.METRIC]
    about_itself = [one for one in conditions if one.entity is not Entity.METRIC]
    found = [one for one in models() if all(_meets(one, c, ()) for c in about_itself)]
    needs_metrics = bool(about_runs or datasets) or any(
        ordering.entity is Entity.METRIC for ordering, _, _ in order_by
    )
    if needs_metrics:
        found = [
            one
            for one in with_metrics(found)
            if all(_meets(one, c, datasets) for c in about_runs) and _was_on(one, datasets)
        ]
    found.sort(key=lambda one: one.model_id)
    found.sort(key=lambda one: one.creation_timestamp, reverse=True)
    for ordering, name, digest in reversed(order_by):  # stable: the weightiest comes last
        _sort(found, ordering, (name, digest))
    page = found[offset : offset + count]
    token = encode_token(offset + count) if len(found) > offset + count else None
    return Page(page if needs_metrics else with_metrics(page), token)


def _meets(model: LoggedModel, condition: Comparison, datasets: Sequence[Dataset]) -> bool:
    if condition.entity is Entity.METRIC:
        values = [
            metric.value
            for metric in model.metrics
            if metric.key == condition.key and _is_on(metric, datasets)
        ]
        return any(matches(condition, value) for value in values)
    return matches(condition, _value(model, condition.entity, condition.key))


def _value(model: LoggedModel, entity: Entity, key: str) -> str | float | None:
    match entity:
        case Entity.TAG:
            return model.tags.get(key)
        case Entity.PARAM:
            return model.params.get(key)
        case _:
            value: str | int | None = getattr(model, key)
            return value


def _is_on(metric: ModelMetric, datasets: Sequence[Dataset]) -> bool:
    return not datasets or any(
        name in (None, metric.dataset_name) and digest in (None, metric.dataset_digest)
        for name, digest in datasets
    )


def _was_on(model: LoggedModel, datasets: Sequence[Dataset]) -> bool:
    return not datasets or any(_is_on(metric, datasets) for metric in model.metrics)


def _sort(models: list[LoggedModel], ordering: OrderBy, dataset: Dataset) -> None:
    def value(model: LoggedModel) -> str | float | None:
        if ordering.entity is not Entity.METRIC:
            return _value(model, ordering.entity, ordering.key)
        points = [
            (one.step, one.timestamp, one.value)
            for one in model.metrics
            if one.key == ordering.key and _is_on(one, [dataset])
        ]
        return max(points)[2] if points else None

    # What has no value, or none to compare, comes last in either direction.
    valued = [
        (found, one) for one in models if (found := value(one)) is not None and found == found
    ]
    ids = {one.model_id for _, one in valued}
    absent = [one for one in models if one.model_id not in ids]
    valued.sort(key=lambda pair: pair[0], reverse=not ordering.ascending)
    models[:] = [*(one for _, one in valued), *absent]
