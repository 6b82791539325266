"""The list of models: searched, sorted and cut into pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stageline.domain.model import ModelVersion, RegisteredModel

PAGE_SIZE = 50
ORDERS = ("name", "changed", "versions")


class ModelRow(NamedTuple):
    """One model."""

    model: RegisteredModel
    held: Sequence[ModelVersion]
    """The highest version of each stage that is neither the first nor the archive, the last stage first."""
    latest: ModelVersion | None
    aliases: Sequence[tuple[str, int]]


class ModelList(NamedTuple):
    """One page of them."""

    rows: Sequence[ModelRow]
    found: int
    """How many fit the search."""
    total: int


def list_models(
    models: Iterable[RegisteredModel], text: str, order: str, *, start: int = 0
) -> ModelList:
    """The models whose name, description or tags hold each word of `text`. Raises `InvalidInput`: no such sort."""
    known = list(models)
    words = text.casefold().split()
    found = [one for one in known if all(word in _said(one) for word in words)]
    column, is_down = order.removeprefix("-"), order.startswith("-")
    if column not in ORDERS:
        raise InvalidInput(
            f"Invalid order {order[:50]!r}: expected one of {', '.join(ORDERS)}, or with - before it"
        )
    rows = [_row(one) for one in sorted(found, key=lambda one: one.name.casefold())]
    if column == "changed":
        rows.sort(key=lambda row: row.model.last_updated_timestamp, reverse=is_down)
    elif column == "versions":
        rows.sort(key=lambda row: row.latest.version if row.latest else 0, reverse=is_down)
    elif is_down:
        rows.reverse()
    return ModelList(rows[start : start + PAGE_SIZE], len(found), len(known))


def _said(model: RegisteredModel) -> str:
    tags = " ".join(f"{key}={value}" for key, value in model.tags.items())
    return f"{model.name} {model.description} {tags}".casefold()


def _row(model: RegisteredModel) -> ModelRow:
    outside = (model.stages[0], model.archive_stage)
    held = [one for one in model.latest_versions if one.current_stage not in outside]
    return ModelRow(
        model,
        held[::-1],
        max(model.latest_versions, key=lambda one: one.version, default=None),
        sorted(model.aliases.items()),
    )
