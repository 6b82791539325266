"""What can be asked of each kind of thing that can be searched: tables, and no parsing.

Searching something new is another `Vocabulary`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Entity(str, Enum):
    """What the first half of an identifier names."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"


class Operator(str, Enum):
    """Every operator of the language; a `Field` says which of them it takes."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class ValueType(str, Enum):
    """What a field is compared with."""

    TEXT = "text in quotes"
    NUMBER = "a number"
    INTEGER = "a whole number"


@dataclass(frozen=True)
class Field:
    """What may be asked of one key."""

    value_type: ValueType
    operators: frozenset[Operator]
    is_orderable: bool = True
    name: str | None = None
    """The key's own name, where this is an alias."""


@dataclass(frozen=True)
class Vocabulary:
    """What can be searched in one kind of thing."""

    subject: str
    """In the plural, for messages."""
    spellings: Mapping[str, Entity]
    """Every way to write an entity, backticks included; case matters."""
    any_key: Mapping[Entity, Field]
    """Entities whose keys are the users'."""
    fixed_keys: Mapping[Entity, Mapping[str, Field]]
    """Entities whose keys are ours."""
    allows_repeated_order: bool = False


def _spelled(**entities: str) -> dict[str, Entity]:
    return {
        spelling: Entity[name]
        for name, spellings in entities.items()
        for spelling in spellings.split()
    }


def _with_backticks(spellings: Mapping[str, Entity]) -> dict[str, Entity]:
    return {**spellings, **{f"`{spelling}`": entity for spelling, entity in spellings.items()}}


_EQUALITY: Final = frozenset({Operator.EQ, Operator.NE})
_LIKENESS: Final = _EQUALITY | {Operator.LIKE, Operator.ILIKE}
_MEMBERSHIP: Final = frozenset({Operator.IN, Operator.NOT_IN})
_PRESENCE: Final = frozenset({Operator.IS_NULL, Operator.IS_NOT_NULL})
_MAGNITUDE: Final = _EQUALITY | {Operator.LT, Operator.LE, Operator.GT, Operator.GE}

_TEXT: Final = Field(ValueType.TEXT, _LIKENESS)
_TEXT_OR_LIST: Final = Field(ValueType.TEXT, _LIKENESS | _MEMBERSHIP)
_TEXT_OR_NULL: Final = Field(ValueType.TEXT, _LIKENESS | _PRESENCE)
_ID: Final = Field(ValueType.TEXT, _EQUALITY | _MEMBERSHIP)
_NUMBER: Final = Field(ValueType.NUMBER, _MAGNITUDE)
_TIME: Final = Field(ValueType.INTEGER, _MAGNITUDE)

RUNS: Final = Vocabulary(
    subject="runs",
    spellings=_with_backticks(
        _spelled(
            ATTRIBUTE="attribute attributes attr run",
            METRIC="metric metrics",
            PARAM="parameter parameters param params",
            TAG="tag tags",
            DATASET="dataset datasets",
        )
    ),
    any_key={Entity.METRIC: _NUMBER, Entity.PARAM: _TEXT_OR_NULL, Entity.TAG: _TEXT_OR_NULL},
    fixed_keys={
        Entity.ATTRIBUTE: {
            "run_id": _TEXT_OR_LIST,
            "run_name": _TEXT,
            "status": _TEXT,
            "user_id": _TEXT,
            "artifact_uri": _TEXT,
            "start_time": _NUMBER,
            "end_time": _NUMBER,
            "created": replace(_NUMBER, name="start_time"),
            "Created": replace(_NUMBER, name="start_time"),
            "run name": replace(_TEXT, name="run_name", is_orderable=False),
            "Run name": replace(_TEXT, name="run_name", is_orderable=False),
            "Run Name": replace(_TEXT, name="run_name", is_orderable=False),
        },
        Entity.DATASET: {
            key: replace(_TEXT_OR_LIST, is_orderable=False) for key in ("name", "digest", "context")
        },
    },
)

EXPERIMENTS: Final = Vocabulary(
    subject="experiments",
    spellings=_spelled(ATTRIBUTE="attribute", TAG="tag tags"),
    any_key={Entity.TAG: replace(_TEXT_OR_NULL, is_orderable=False)},
    fixed_keys={
        Entity.ATTRIBUTE: {
            "name": _TEXT,
            "experiment_id": _ID,
            "creation_time": _TIME,
            "last_update_time": _TIME,
        }
    },
    allows_repeated_order=True,
)

_SORTED_ONLY: Final = Field(ValueType.INTEGER, frozenset())
_OF_REGISTRY: Final = _with_backticks(_spelled(ATTRIBUTE="attribute", TAG="tag tags"))
_REGISTRY_TAG: Final = {Entity.TAG: replace(_TEXT, is_orderable=False)}

REGISTERED_MODELS: Final = Vocabulary(
    subject="registered models",
    spellings=_OF_REGISTRY,
    any_key=_REGISTRY_TAG,
    fixed_keys={
        Entity.ATTRIBUTE: {
            "name": _TEXT_OR_LIST,
            "creation_timestamp": _SORTED_ONLY,
            "last_updated_timestamp": _SORTED_ONLY,
            "timestamp": replace(_SORTED_ONLY, name="last_updated_timestamp"),
        }
    },
)

MODEL_VERSIONS: Final = Vocabulary(
    subject="model versions",
    spellings=_OF_REGISTRY,
    any_key=_REGISTRY_TAG,
    fixed_keys={
        Entity.ATTRIBUTE: {
            "name": _TEXT_OR_LIST,
            "version_number": _TIME,
            "run_id": replace(_TEXT_OR_LIST, is_orderable=False),
            "source_path": replace(_TEXT, is_orderable=False),
            "creation_timestamp": _SORTED_ONLY,
            "last_updated_timestamp": _SORTED_ONLY,
        }
    },
)

LOGGED_MODELS: Final = Vocabulary(
    subject="logged models",
    spellings=_with_backticks(
        _spelled(
            ATTRIBUTE="attribute attributes attr",
            METRIC="metric metrics",
            PARAM="parameter parameters param params",
            TAG="tag tags",
        )
    ),
    any_key={Entity.METRIC: _NUMBER, Entity.PARAM: _TEXT_OR_NULL, Entity.TAG: _TEXT_OR_NULL},
    fixed_keys={
        Entity.ATTRIBUTE: {
            "name": _TEXT_OR_LIST,
            "model_id": _TEXT_OR_LIST,
            "model_type": _TEXT_OR_NULL,
            "status": _TEXT,
            "source_run_id": _TEXT_OR_LIST,
            "creation_timestamp": _TIME,
            "creation_time": replace(_TIME, name="creation_timestamp"),
            "last_updated_timestamp": _TIME,
        }
    },
)
