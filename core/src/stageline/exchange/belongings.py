"""What another tracker holds, in our words, and what is asked of whoever reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from stageline.domain.run import DatasetInput, RunStatus
from stageline.storage.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stageline.domain.experiment import Experiment
    from stageline.domain.logged_model import LoggedModel


class SourceFiles(Protocol):
    """The files of a run or a model, where they are now."""

    def sizes(self) -> Mapping[str, int]:
        """Path -> size in bytes, of all of them."""
        ...

    def on_disk(self, path: str, folder: Path) -> Path:
        """The file on this disk: where it lies, or a copy that is made in `folder`."""
        ...


class SourceRun(msgspec.Struct, kw_only=True):
    """A run, whole but for its files."""

    run_id: str
    experiment_id: str
    name: str = ""
    user_id: str = ""
    status: RunStatus
    start_time: int
    end_time: int | None = None
    is_deleted: bool = False
    artifact_uri: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: dict[str, Series] = {}
    inputs: list[DatasetInput] = []
    model_inputs: list[str] = []
    model_outputs: dict[str, int] = {}


class SourceModel(NamedTuple):
    """A logged model, and where its files are."""

    model: LoggedModel
    artifact_uri: str


class SourceVersion(msgspec.Struct, kw_only=True, frozen=True):
    """A version of a registered model."""

    version: int
    source: str
    storage_location: str = ""
    run_id: str | None = None
    model_id: str | None = None
    stage: str = "None"
    description: str = ""
    user_id: str = ""
    run_link: str = ""
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    tags: dict[str, str] = {}


class SourceRegistered(msgspec.Struct, kw_only=True, frozen=True):
    """A registered model with its versions."""

    name: str
    description: str = ""
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    versions: list[SourceVersion] = []


class Source(Protocol):
    """Another tracker, read."""

    @property
    def label(self) -> str:
        """Where it is, without credentials."""
        ...

    def experiments(self) -> list[Experiment]:
        """All of them, the deleted ones too."""
        ...

    def run_ids(self, experiment_id: str) -> list[str]:
        """All runs of an experiment, the deleted ones too."""
        ...

    def run(self, run_id: str) -> SourceRun:
        """One run with its whole history."""
        ...

    def models(self, experiment_id: str) -> Iterator[SourceModel]:
        """The logged models of an experiment."""
        ...

    def registered(self) -> Iterator[SourceRegistered]:
        """The registered models."""
        ...

    def files(self, artifact_uri: str) -> SourceFiles:
        """The files at a URI that a run or a model names."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
