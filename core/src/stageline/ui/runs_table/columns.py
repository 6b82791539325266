"""Columns of the runs table: what there is, what is shown unasked, what is found by typing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Entity, OrderBy
from stageline.domain.run import TAG_PARENT_RUN_ID, TAG_RUN_NAME, TAG_USER
from stageline.domain.task_tags import TAG_TASK
from stageline.ui.experiments.primary import SYSTEM

if TYPE_CHECKING:
    from stageline.tracking.run_table import ColumnFacts
    from stageline.ui.primary import Primary

MOST_PARAMS = 4
MOST_METRICS = 8
MOST_FOUND = 50

_PREFIXES = {Entity.METRIC: "metrics.", Entity.PARAM: "params.", Entity.TAG: "tags."}
_ATTRIBUTES = {
    "status": "status", "name": "run_name", "started": "start_time", "duration": "duration",
    "user": "user_id", "run_id": "run_id",
}  # fmt: skip
_HIDDEN_TAGS = frozenset({TAG_RUN_NAME, TAG_USER, TAG_PARENT_RUN_ID})


class Column(NamedTuple):
    """One column. `key` is the attribute's or the user's."""

    name: str
    """In the address: `started`, `metrics.rmse`."""
    entity: Entity
    key: str
    is_number: bool = False

    @property
    def title(self) -> str:
        """Its head, without what tells kinds apart."""
        return (
            {"run_id": "Run id"}.get(self.name, self.name.capitalize())
            if self.is_attribute
            else self.key
        )

    @property
    def is_attribute(self) -> bool:
        """Whether every run has it."""
        return self.entity is Entity.ATTRIBUTE

    @property
    def address(self) -> tuple[Entity, str]:
        """What the index is asked for."""
        return self.entity, self.key


class Catalogue:
    """All columns of one experiment."""

    def __init__(self, facts: Sequence[ColumnFacts]) -> None:
        self.facts: Mapping[str, ColumnFacts] = {
            _PREFIXES[each.entity] + each.key: each for each in facts
        }
        self._keys: dict[str, list[Entity]] = {}
        for each in facts:
            if each.runs:
                self._keys.setdefault(each.key, []).append(each.entity)

    def entities(self, key: str) -> list[Entity]:
        """Of which kinds a key is."""
        return self._keys.get(key, [])

    def nearest(self, key: str) -> str | None:
        """The key that somebody may have meant."""
        lowered = {each.lower(): each for each in self._keys}
        near = get_close_matches(key.lower(), lowered, n=1, cutoff=0.6)
        return lowered[near[0]] if near else None

    def find(self, name: str) -> Column | None:
        """A column by its name; also one that no run has, if it could be."""
        if name in _ATTRIBUTES:
            return Column(name, Entity.ATTRIBUTE, _ATTRIBUTES[name], name == "duration")
        for entity, prefix in _PREFIXES.items():
            if name.startswith(prefix) and len(name) > len(prefix):
                facts = self.facts.get(name)
                is_number = entity is Entity.METRIC or bool(facts and facts.is_number)
                return Column(name, entity, name[len(prefix) :], is_number)
        return None

    def order(self, asked: str) -> tuple[OrderBy, ...]:
        """What an address says of the order; nothing for the latest first."""
        column = self.find(asked.removeprefix("-"))
        if column is None:
            return ()
        by_number = column.is_number and column.entity in (Entity.PARAM, Entity.TAG)
        return (OrderBy(*column.address, not asked.startswith("-"), by_number),)

    def search(self, text: str, chosen: Iterable[str] = ()) -> list[Column]:
        """Columns whose name has every word of `text`; those that begin so come first, then those most runs have."""
        words, taken = text.lower().split(), set(chosen)
        names = [
            *_ATTRIBUTES,
            *(name for name, each in self.facts.items() if each.key not in _HIDDEN_TAGS),
        ]
        found = [n for n in names if n not in taken and all(word in n.lower() for word in words)]
        found.sort(key=lambda name: self._rank(name, words))
        return [column for name in found[:MOST_FOUND] if (column := self.find(name))]

    def _rank(self, name: str, words: Sequence[str]) -> tuple[bool, int]:
        key = name.partition(".")[2] or name
        facts = self.facts.get(name)
        return not (words and key.lower().startswith(words[0])), -(facts.runs if facts else 1 << 60)

    def usual(self, primary: Primary | None) -> list[Column]:
        """What is shown where nobody chose: what tells runs apart."""
        names = ["status", "name", "started", "duration"]
        if f"tags.{TAG_TASK}" in self.facts:
            names.append(f"tags.{TAG_TASK}")
        first = [f"metrics.{primary.key}"] if primary else []
        params = self._varying(Entity.PARAM)[:MOST_PARAMS]
        metrics = [name for name in self._varying(Entity.METRIC) if name not in first]
        names += [*first, *params, *metrics[: MOST_METRICS - len(first)]]
        return [column for name in names if (column := self.find(name))]

    def constant(self) -> list[ColumnFacts]:
        """Params and metrics that tell no runs apart."""
        return [
            each
            for each in self.facts.values()
            if each.runs and each.is_constant and each.entity is not Entity.TAG
        ]

    def _varying(self, entity: Entity) -> list[str]:
        found = [
            (-each.runs, name)
            for name, each in self.facts.items()
            if each.entity is entity and not each.is_constant and not each.key.startswith(SYSTEM)
        ]
        return [name for _, name in sorted(found)]
