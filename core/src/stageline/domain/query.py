"""MLflow's search language given a meaning: what may be compared with what, for each thing that can be searched.

`parse_filter` and `parse_order_by` turn text into plain values, by a table of `stageline.domain.vocabulary`, and
evaluate nothing.

A filter is comparisons joined by AND. What it accepts, refuses and means is checked against MLflow 3.17 by the tests.
They differ where MLflow's SQL lexer, or its database, lets an accident through:

- AND between two comparisons is required here. Stray ones, at the ends or in a row, are ignored by both.
- A key is one word or one quoted text: not `metrics.`, `metrics. a`, `metrics.a ASC > 1`, `params."p".q`, nor unquoted
  characters that no key can have. An order_by is `entity.key`, not `"entity.key"`, with a key such as `5` in quotes.
- A list is quoted texts and commas: no inner parentheses, no prefixes such as `u'a'`, no adjacent texts. A backslash
  or a line break in it is itself, as it is after `=`; MLflow reads lists as Python does.
- `like` in lower case works in experiments too, and their ids need not be numbers.
- A number too great for a database is compared as a float; MLflow answers with an internal error.
- A filter of more than 20,000 characters or 100 comparisons is refused, and so are more than 100 orderings: whoever
  may search must not be able to occupy the server. MLflow's limit is what its database bears.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from stageline.domain.query_grammar import Clause, Identifier, read_filter, read_ordering
from stageline.domain.vocabulary import (
    EXPERIMENTS,
    RUNS,
    Entity,
    Field,
    Operator,
    ValueType,
    Vocabulary,
)
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "EXPERIMENTS",
    "MAX_CLAUSES",
    "MAX_FILTER_LENGTH",
    "RUNS",
    "Comparison",
    "Entity",
    "Operator",
    "OrderBy",
    "Value",
    "Vocabulary",
    "comparison_of",
    "parse_filter",
    "parse_order_by",
]

MAX_FILTER_LENGTH: Final = 20_000
MAX_CLAUSES: Final = 100

Value = str | int | float | tuple[str, ...] | None


class Comparison(NamedTuple):
    """One condition. `key` is the attribute's own name, never an alias.

    `value` is a float for a metric, an int or a float for a numeric attribute, a tuple for IN and NOT IN, None for
    IS [NOT] NULL, and text for everything else.
    """

    entity: Entity
    key: str
    operator: Operator
    value: Value


class OrderBy(NamedTuple):
    """One ordering. What has no value comes last in either direction, NaN just before it."""

    entity: Entity
    key: str
    ascending: bool
    by_number: bool = False
    """Of a param or a tag: by the numbers that the texts spell. The language can not say it."""


def parse_filter(text: str | None, vocabulary: Vocabulary) -> tuple[Comparison, ...]:
    """The comparisons of a filter, all of which must hold. None and empty text are no comparisons: everything matches.

    Raises `InvalidInput`, naming the clause, its position and what was expected there.
    """
    if not text:
        return ()
    if text.isspace():
        raise InvalidInput(
            f"Invalid filter {text[:60]!r}: it is blank. Leave it empty to match everything."
        )
    if len(text) > MAX_FILTER_LENGTH:
        raise InvalidInput(
            f"Invalid filter: it has {len(text)} characters, and at most {MAX_FILTER_LENGTH} are read. "
            "Ask in several searches."
        )
    clauses = read_filter(text)
    _check_number_of("comparisons in a filter", clauses)
    return tuple(comparison_of(clause, vocabulary) for clause in clauses)


def parse_order_by(items: Sequence[str] | None, vocabulary: Vocabulary) -> tuple[OrderBy, ...]:
    """The orderings, the first weighing most. None and an empty list are no orderings: the caller has a default.

    Raises `InvalidInput`, also where one key is named twice.
    """
    if isinstance(items, str):
        raise InvalidInput(f"Invalid order_by {items!r}: expected a list such as [{items!r}].")
    _check_number_of("items in an order_by", items or ())
    orderings = tuple(_order_by(item, vocabulary) for item in items or ())
    keys = [ordering[:2] for ordering in orderings]
    if not vocabulary.allows_repeated_order and len(set(keys)) != len(keys):
        raise InvalidInput(
            f"`order_by` contains duplicate fields: {list(items or ())}. Name each once."
        )
    return orderings


def comparison_of(clause: Clause, vocabulary: Vocabulary) -> Comparison:
    """What one clause means. Raises `InvalidInput`."""
    entity, field, key = _resolve(clause.identifier, vocabulary, orderable=False)
    where = f"{entity.value} {clause.identifier.key!r} at position {clause.identifier.position}"
    if clause.operator not in {operator.value for operator in field.operators}:
        raise InvalidInput(
            f"Invalid comparator {clause.operator!r} for {where} of the filter: {_is_or_are(entity, clause)} "
            f"compared by {', '.join(operator.value for operator in Operator if operator in field.operators)}."
        )
    operator = Operator(clause.operator)
    return Comparison(entity, key, operator, _value(clause, entity, field, where))


def _is_or_are(entity: Entity, clause: Clause) -> str:
    if entity in (Entity.ATTRIBUTE, Entity.DATASET):
        return f"{clause.identifier.key} is"
    return f"{entity.value}s are"


def _value(clause: Clause, entity: Entity, field: Field, where: str) -> Value:
    value = clause.value
    if value is None or isinstance(value, tuple):
        return value
    if isinstance(value, str) != (field.value_type is ValueType.TEXT) or (
        isinstance(value, float) and field.value_type is ValueType.INTEGER
    ):
        raise InvalidInput(
            f"Invalid value {value!r} for {where} of the filter: expected {field.value_type.value}."
        )
    return float(value) if entity is Entity.METRIC else value


def _order_by(item: str, vocabulary: Vocabulary) -> OrderBy:
    if len(item) > MAX_FILTER_LENGTH:
        raise InvalidInput(
            f"Invalid order_by clause {item[:60]!r}...: expected text such as 'metrics.rmse DESC'."
        )
    ordering = read_ordering(item)
    entity, field, key = _resolve(ordering.identifier, vocabulary, orderable=True)
    if not field.is_orderable:
        raise InvalidInput(
            f"Invalid order_by clause {item!r}: {vocabulary.subject} are not ordered by a {entity.value}."
        )
    return OrderBy(entity, key, ordering.ascending)


def _resolve(
    identifier: Identifier, vocabulary: Vocabulary, *, orderable: bool
) -> tuple[Entity, Field, str]:
    spelling = "attribute" if identifier.entity is None else identifier.entity
    entity = vocabulary.spellings.get(spelling)
    if entity is None:
        raise _unknown("entity type", spelling, identifier, vocabulary, list(vocabulary.spellings))
    if entity in vocabulary.any_key:
        return entity, vocabulary.any_key[entity], identifier.key
    fields = vocabulary.fixed_keys[entity]
    field = fields.get(identifier.key)
    if field is None or not _is_for(field, entity, orderable=orderable):
        valid = [
            key
            for key, each in fields.items()
            if _is_for(each, Entity.ATTRIBUTE, orderable=orderable)
        ]
        raise _unknown(f"{entity.value} key", identifier.key, identifier, vocabulary, valid)
    return entity, field, field.name or identifier.key


def _is_for(field: Field, entity: Entity, *, orderable: bool) -> bool:
    if orderable:
        return field.is_orderable or entity is not Entity.ATTRIBUTE
    return bool(field.operators)


def _unknown(
    kind: str, found: str, identifier: Identifier, vocabulary: Vocabulary, valid: list[str]
) -> InvalidInput:
    likely = get_close_matches(found[:100], valid, n=1)
    hint = f" Did you mean {likely[0]!r}?" if likely else ""
    if kind == "attribute key" and identifier.entity is None and not likely:
        others = ", ".join(f"{entity.value}s.{found[:100]}" for entity in vocabulary.any_key)
        hint = f" A name with no entity before it is an attribute; others are written {others}."
    return InvalidInput(
        f"Invalid {kind} {found[:100]!r} at position {identifier.position} in a search of {vocabulary.subject}.{hint} "
        f"Valid ones are {', '.join(spelling for spelling in valid if not spelling.startswith('`'))}."
    )


def _check_number_of(title: str, items: Sequence[object]) -> None:
    if len(items) > MAX_CLAUSES:
        raise InvalidInput(f"There are {len(items)} {title}, and at most {MAX_CLAUSES} are read.")
