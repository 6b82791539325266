"""Registered models and their versions, as their user sees them and as the registry's journal holds them."""

from __future__ import annotations

from enum import Enum

import msgspec


class Stage(str, Enum):
    """The stages of a model that names no others."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    __str__ = str.__str__


DEFAULT_STAGES: tuple[str, ...] = tuple(stage.value for stage in Stage)

VERSION_READY = "READY"


class Actor(msgspec.Struct, frozen=True):
    """Who acts. A server or an orchestrator that knows a user's roles names them."""

    name: str
    roles: frozenset[str] = frozenset()


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a version's run and files tell about it."""

    metrics: dict[str, float] = {}
    """The last value of each metric of the run; where it is stored, only the finite ones."""
    has_signature: bool = False
    has_requirements: bool = False
    digest: str = ""
    """Changes whenever a file of the model does; empty if the files are not known."""
    source: str = ""
    """Where the files are."""


class Annotation(msgspec.Struct, frozen=True):
    """A remark that somebody made; it is never changed."""

    text: str
    by: str
    time: int


class Deployment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a version runs."""

    target: str
    """An endpoint, a cluster, a device fleet: whatever runs one version at a time."""
    time: int
    by: str
    url: str = ""
    link: str = ""
    """The orchestrator's page of the deployment."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The version of another store that a version is a copy of."""

    store: str
    """URL, without credentials."""
    name: str
    version: int
    digest: str
    """sha256 of the entry of its journal that registered it: no other version anywhere has the same."""


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version; a snapshot, not a handle. Times are Unix milliseconds."""

    name: str
    version: int
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str = Stage.NONE.value
    description: str = ""
    source: str = ""
    """Where its files are: what was given, or the folder of the run's artifacts."""
    run_id: str | None = None
    artifact_path: str | None = None
    user_id: str = ""
    run_link: str = ""
    status: str = VERSION_READY
    tags: dict[str, str] = {}
    aliases: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    deployments: dict[str, Deployment] = {}
    """By target."""
    facts: VersionFacts = VersionFacts()
    """As they were when it was registered."""
    origin: Origin | None = None
    """Where it was copied from."""


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """The named line of versions; a snapshot, not a handle."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    """Alias -> version."""
    latest_versions: list[ModelVersion] = []
    """The highest version of each stage that holds any, in the order of the stages."""
    stages: tuple[str, ...] = DEFAULT_STAGES
    archive_stage: str | None = Stage.ARCHIVED.value
    """Where versions go that are replaced or rolled back; None: nowhere."""

    @property
    def final_stage(self) -> str:
        """The stage that versions are on their way to: the last that is neither the first nor the archive."""
        inner = [stage for stage in self.stages[1:] if stage != self.archive_stage]
        return inner[-1] if inner else self.stages[-1]
