"""The filter box: the language of searches, where a key that means one thing needs no prefix before it.

What it adds to the language: `rmse < 60` for `metrics.rmse < 60`, a param or a tag compared as the number that it
spells, and states in small letters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stageline.domain.query import (
    MAX_CLAUSES,
    MAX_FILTER_LENGTH,
    RUNS,
    Comparison,
    Entity,
    Operator,
    comparison_of,
)
from stageline.domain.query_grammar import Clause, Identifier, read_filter
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.ui.runs_table.columns import Catalogue

_SPELLINGS = {Entity.METRIC: "metrics", Entity.PARAM: "params", Entity.TAG: "tags"}
_SHORT = {"name": "run_name", "started": "start_time", "user": "user_id"}
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_KEY = re.compile(r"(?:[^\W\d]\w*\.|`\w+`\.)?(?:`(?:``|[^`])*`|\"[^\"]*\"|'[^']*'|[\w.:]+)")
_POSITION = re.compile(r" at position (\d+)")


class FilterError(InvalidInput):
    """A filter that says nothing, and where."""

    def __init__(
        self, message: str, position: int | None = None, nearest: str | None = None
    ) -> None:
        super().__init__(message)
        self.position = position
        """Characters before what is wrong; None where it is the whole."""
        self.nearest = nearest
        """The key that may have been meant, as it would be written."""
        self.mended: str | None = None
        """The filter with that key in its place."""


def read_box(text: str, catalogue: Catalogue) -> tuple[Comparison, ...]:
    """What a filter box asks. Raises `FilterError`."""
    if not text:
        return ()
    if len(text) > MAX_FILTER_LENGTH:
        raise FilterError(f"A filter has at most {MAX_FILTER_LENGTH:,} characters.")
    try:
        clauses = read_filter(text)
    except InvalidInput as error:
        raise _placed(error) from None
    if len(clauses) > MAX_CLAUSES:
        raise FilterError(f"A filter has at most {MAX_CLAUSES} comparisons.")
    try:
        return tuple(_comparison(clause, catalogue) for clause in clauses)
    except FilterError as error:
        error.mended = _mended(text, error)
        raise


def _mended(text: str, error: FilterError) -> str | None:
    if error.position is None or error.nearest is None:
        return None
    written_key = _KEY.match(text, error.position)
    return (
        text[: error.position] + error.nearest + text[written_key.end() :] if written_key else None
    )


def _comparison(clause: Clause, catalogue: Catalogue) -> Comparison:
    entity, key = _meant(clause, catalogue)
    if entity in (Entity.PARAM, Entity.TAG) and isinstance(clause.value, int | float):
        if clause.operator not in _NUMERIC:
            raise FilterError(
                f"{clause.operator} takes text in quotes.", clause.identifier.position
            )
        return Comparison(entity, key, Operator(clause.operator), float(clause.value))
    position = clause.identifier.position
    plain = Clause(
        Identifier(_SPELLINGS.get(entity, clause.identifier.entity), key, position), *clause[1:]
    )
    try:
        found = comparison_of(plain, RUNS)
    except InvalidInput as error:
        raise _placed(error) from None
    if found.key == "status" and isinstance(found.value, str):
        return found._replace(value=found.value.upper())
    return found


def _meant(clause: Clause, catalogue: Catalogue) -> tuple[Entity, str]:
    identifier = clause.identifier
    spelt, key = identifier.entity, identifier.key
    if spelt is not None and spelt not in RUNS.spellings:
        key = f"{spelt.strip('`')}.{key}"  # a key with a dot in it
    elif spelt is not None:
        entity = RUNS.spellings[spelt]
        if entity in _SPELLINGS and entity not in catalogue.entities(key):
            raise _unknown(key, identifier.position, catalogue)
        return entity, key
    entities = catalogue.entities(key)
    if not entities:
        name = _SHORT.get(key, key)
        if name in RUNS.fixed_keys[Entity.ATTRIBUTE]:
            return Entity.ATTRIBUTE, name
        raise _unknown(key, identifier.position, catalogue)
    if len(entities) > 1:
        ways = " or ".join(written(entity, key) for entity in entities)
        kinds = " and ".join(f"a {entity.value}" for entity in entities)
        raise FilterError(f"{key!r} is {kinds}: write {ways}.", identifier.position)
    if key in RUNS.fixed_keys[Entity.ATTRIBUTE]:
        return Entity.ATTRIBUTE, key
    return entities[0], key


def written(entity: Entity, key: str) -> str:
    """A key as the language writes it.

    >>> written(Entity.METRIC, "rmse"), written(Entity.METRIC, "val/rmse")
    ('metrics.rmse', 'metrics.`val/rmse`')
    """
    plain = re.fullmatch(r"[^\W\d]\w*", key) is not None
    return f"{_SPELLINGS[entity]}.{key}" if plain else f"{_SPELLINGS[entity]}.`{key}`"


def _unknown(key: str, position: int, catalogue: Catalogue) -> FilterError:
    near = catalogue.nearest(key[:100])
    if near is None:
        return FilterError(f"No run has {key[:100]!r}.", position)
    return FilterError(
        f"No run has {key[:100]!r}. Did you mean {near!r}?",
        position,
        written(catalogue.entities(near)[0], near),
    )


def _placed(error: InvalidInput) -> FilterError:
    # Every refusal of the language says where; the box shows it with a caret and need not say it again.
    said = str(error)
    found = _POSITION.search(said)
    text = said.partition(": ")[2] if said.startswith("Invalid clause(s)") else said
    return FilterError(_POSITION.sub("", text), int(found[1]) if found else None)
