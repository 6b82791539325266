"""What a node of the graph is a node of: keys, with ids that are the same wherever the same thing is met."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from stageline.errors import InvalidInput
from stageline.models.uri import RegisteredVersion, RunModel, parse_model_uri


class RunKey(msgspec.Struct, frozen=True):
    """A run."""

    run_id: str

    @property
    def id(self) -> str:
        """The node's id."""
        return f"run:{_safe(self.run_id)}"


class DatasetKey(msgspec.Struct, frozen=True):
    """A dataset in one state of its data."""

    namespace: str
    name: str
    digest: str

    @property
    def id(self) -> str:
        """The node's id."""
        return f"dataset:{_safe(self.namespace)}/{_safe(self.name)}@{_safe(self.digest)}"


class ModelKey(msgspec.Struct, frozen=True):
    """A model's folder: `path` among a run's artifacts, or a path or URL if there is no run."""

    run_id: str | None
    path: str

    @property
    def id(self) -> str:
        """The node's id."""
        if self.run_id is None:
            return f"model:{_safe(self.path)}"
        return f"model:{_safe(self.run_id)}/{_safe(self.path)}"


class VersionKey(msgspec.Struct, frozen=True):
    """A model version."""

    name: str
    version: int

    @property
    def id(self) -> str:
        """The node's id."""
        return f"model_version:{_safe(self.name)}/{self.version}"

    @property
    def uri(self) -> str:
        """How it is loaded."""
        return f"models:/{self.name}/{self.version}"


class ForeignKey(msgspec.Struct, frozen=True):
    """A model version of another store, which is not looked into."""

    store: str
    name: str
    version: int

    @property
    def id(self) -> str:
        """The node's id."""
        return f"model_version:{_safe(self.store)}/{_safe(self.name)}/{self.version}"


class StageKey(msgspec.Struct, frozen=True):
    """A stage of a registered model."""

    name: str
    stage: str

    @property
    def id(self) -> str:
        """The node's id."""
        return f"stage:{_safe(self.name)}/{_safe(self.stage)}"


class DeploymentKey(msgspec.Struct, frozen=True):
    """A place where versions of a registered model run."""

    name: str
    target: str

    @property
    def id(self) -> str:
        """The node's id."""
        return f"deployment:{_safe(self.name)}/{_safe(self.target)}"


Key = RunKey | DatasetKey | ModelKey | VersionKey | ForeignKey | StageKey | DeploymentKey


def model_key(uri: str) -> ModelKey | VersionKey:
    """The key of a recorded model URI: what names no run and no version by its number is a folder somewhere.

    >>> model_key("models:/wine/3"), model_key("runs:/abc/model")
    (VersionKey(name='wine', version=3), ModelKey(run_id='abc', path='model'))
    """
    try:
        place = parse_model_uri(uri)
    except InvalidInput:  # recorded by something that spells URIs in its own way
        return ModelKey(None, uri)
    if isinstance(place, RunModel):
        return ModelKey(place.run_id, place.path)
    if isinstance(place, RegisteredVersion) and _is_number(place.selector):
        return VersionKey(place.name, int(place.selector))
    return ModelKey(None, uri)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _safe(text: str) -> str:
    return quote(text, safe=" ")
