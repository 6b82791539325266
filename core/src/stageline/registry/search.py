"""Search over registered models and over model versions: few enough to be judged in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from stageline.domain.like import matches
from stageline.domain.model import ModelVersion, RegisteredModel
from stageline.domain.page import Page, check_max_results, decode_token, encode_token
from stageline.domain.query import Comparison, Entity, OrderBy, parse_filter, parse_order_by
from stageline.domain.vocabulary import MODEL_VERSIONS, REGISTERED_MODELS, Operator, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

REGISTERED_MODELS_PAGE = 100
REGISTERED_MODELS_LIMIT = 1000
MODEL_VERSIONS_PAGE = 10_000
MODEL_VERSIONS_LIMIT = 200_000

_PROMPT_TAG = "mlflow.prompt.is_prompt"
_NAMES = {
    "source_path": "source",
    "version_number": "version",
    "timestamp": "last_updated_timestamp",
}

Thing = TypeVar("Thing", RegisteredModel, ModelVersion)


def search_registered_models(
    models: Callable[[], Iterable[RegisteredModel]],
    filter_string: str,
    max_results: int,
    order_by: Sequence[str],
    page_token: str | None,
) -> Page[RegisteredModel]:
    """One page of models, by name unless `order_by` says otherwise. Raises `InvalidInput`, before `models` is asked."""
    count = check_max_results(max_results, limit=REGISTERED_MODELS_LIMIT)
    ask = _Asked(filter_string, order_by, page_token, REGISTERED_MODELS)
    return ask.page(models(), count, [OrderBy(Entity.ATTRIBUTE, "name", True)])


def search_model_versions(
    versions: Callable[[], Iterable[ModelVersion]],
    filter_string: str,
    max_results: int,
    order_by: Sequence[str],
    page_token: str | None,
) -> Page[ModelVersion]:
    """One page of versions, the last changed first unless `order_by` says otherwise. Raises `InvalidInput`."""
    count = check_max_results(max_results, limit=MODEL_VERSIONS_LIMIT)
    ask = _Asked(filter_string, order_by, page_token, MODEL_VERSIONS)
    ties = [
        OrderBy(Entity.ATTRIBUTE, "name", True),
        OrderBy(Entity.ATTRIBUTE, "version_number", False),
    ]
    if not ask.orderings:
        ties.insert(0, OrderBy(Entity.ATTRIBUTE, "last_updated_timestamp", False))
    return ask.page(versions(), count, ties)


class _Asked:
    """A search, read and checked."""

    def __init__(
        self,
        filter_string: str,
        order_by: Sequence[str],
        page_token: str | None,
        vocabulary: Vocabulary,
    ) -> None:
        self.offset = decode_token(page_token)
        self.conditions = parse_filter(filter_string, vocabulary)
        self.orderings = parse_order_by(order_by, vocabulary)

    def page(self, things: Iterable[Thing], count: int, ties: list[OrderBy]) -> Page[Thing]:
        """What was asked for; `ties` order what the orderings leave open."""
        found = [one for one in things if all(_meets(one, c) for c in self.conditions)]
        for ordering in reversed([*self.orderings, *ties]):  # stable: the weightiest comes last
            found.sort(
                key=lambda one: _attribute(one, ordering.key), reverse=not ordering.ascending
            )
        end = self.offset + count
        return Page(found[self.offset : end], encode_token(end) if len(found) > end else None)


def _meets(thing: RegisteredModel | ModelVersion, condition: Comparison) -> bool:
    if condition.entity is not Entity.TAG:
        return matches(condition, _attribute(thing, condition.key))
    value = thing.tags.get(condition.key)
    if value is None and condition.key == _PROMPT_TAG:
        # MLflow's client asks this of every search, and means that what has no such tag is no prompt.
        asked = (condition.operator, condition.value)
        return asked in ((Operator.NE, "true"), (Operator.EQ, "false"))
    return matches(condition, value)


def _attribute(thing: RegisteredModel | ModelVersion, key: str) -> Any:
    return getattr(thing, _NAMES.get(key, key))
