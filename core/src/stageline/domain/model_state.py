"""The state of one registered model: all that the journal of its name says."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import registry_events as ev
from stageline.domain.document import UNREADABLE, readable
from stageline.domain.model import DEFAULT_STAGES, ModelVersion, RegisteredModel, Stage
from stageline.domain.policy import Policy
from stageline.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterable


class Phase(str, Enum):
    """Whether the name has a model."""

    ABSENT = "absent"
    ACTIVE = "active"
    DELETED = "deleted"
    RENAMED = "renamed"

    __str__ = str.__str__


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """For which model the name is held; see `registry_events.NameReserved`."""

    source: str
    number: int
    txn: str


class ModelState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that the journal of one name says."""

    name: str
    phase: Phase = Phase.ABSENT
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    description: str = ""
    tags: dict[str, str] = {}
    stages: tuple[str, ...] = DEFAULT_STAGES
    archive_stage: str | None = Stage.ARCHIVED.value
    """Where versions go that are replaced or rolled back; None: to the first stage, and nothing is archived."""
    next_version: int = 1
    next_request: int = 1
    versions: dict[str, ModelVersion] = {}
    """By number, in digits."""
    aliases: dict[str, int] = {}
    policies: dict[str, Policy] = {}
    requests: dict[str, ev.TransitionRequest] = {}
    """By number, in digits."""
    holders: dict[str, tuple[int, ...]] = {}
    """Stage -> the versions that entered it, the last one last; a rollback takes back the last entry."""
    reserved: Reservation | None = None
    renamed_to: str | None = None
    came_from: tuple[str, int] | None = None
    """The name that the model had before, and the entry there that ended it."""

    @property
    def is_active(self) -> bool:
        """Whether the name has a model."""
        return self.phase is Phase.ACTIVE

    @property
    def initial_stage(self) -> str:
        """Where versions begin."""
        return self.stages[0]

    def policy(self, stage: str) -> Policy:
        """The policy of a stage; one that demands nothing if none was set."""
        return self.policies.get(stage, Policy())

    def numbers(self) -> list[int]:
        """The versions there are, in order."""
        return sorted(int(key) for key in self.versions)

    def find(self, version: int) -> ModelVersion | None:
        """A version as its user sees it."""
        found = self.versions.get(str(version))
        aliases = tuple(sorted(a for a, number in self.aliases.items() if number == version))
        return found and msgspec.structs.replace(found, aliases=aliases)

    def all_versions(self) -> list[ModelVersion]:
        """All versions, the newest last."""
        return [view for number in self.numbers() if (view := self.find(number)) is not None]

    def holding(self, stage: str) -> list[int]:
        """The versions that are in a stage, in order."""
        return [n for n in self.numbers() if self.versions[str(n)].current_stage == stage]

    def latest(self, stages: Iterable[str]) -> list[ModelVersion]:
        """The highest version of each stage that holds any."""
        highest = [max(held) for stage in stages if (held := self.holding(stage))]
        return [view for number in highest if (view := self.find(number)) is not None]

    def to_model(self) -> RegisteredModel:
        """The model as its user sees it."""
        return RegisteredModel(
            name=self.name,
            creation_timestamp=self.creation_timestamp,
            last_updated_timestamp=self.last_updated_timestamp,
            description=self.description,
            tags=dict(self.tags),
            aliases=dict(sorted(self.aliases.items())),
            latest_versions=[
                msgspec.structs.replace(version, aliases=()) for version in self.latest(self.stages)
            ],
            stages=self.stages,
            archive_stage=self.archive_stage,
        )


def state_of(raw: dict[str, Any], what: str) -> ModelState:
    """A state out of a document. Raises `Corrupt`."""
    try:
        return msgspec.convert(raw, readable(ModelState))
    except UNREADABLE as error:
        raise Corrupt(f"{what} can not be read: {error}") from error
