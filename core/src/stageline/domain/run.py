"""What a run is to its user: `Run`, with the shape and names of the field, and the values that it is made of."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

TAG_RUN_NAME = "mlflow.runName"
TAG_PARENT_RUN_ID = "mlflow.parentRunId"
TAG_USER = "mlflow.user"
TAG_NOTE = "mlflow.note.content"
TAG_SOURCE_NAME = "mlflow.source.name"
TAG_SOURCE_TYPE = "mlflow.source.type"
TAG_GIT_COMMIT = "mlflow.source.git.commit"
TAG_GIT_BRANCH = "mlflow.source.git.branch"
TAG_GIT_REPO_URL = "mlflow.source.git.repoURL"
TAG_GIT_DIRTY = "stageline.source.git.dirty"
TAG_HOST = "stageline.host"
TAG_PROTECTED = "stageline.protected"
"""A run with this tag is never deleted by a retention policy."""


class RunStatus(str, Enum):
    """Where a run stands; the values are those of the field's wire protocol."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    __str__ = str.__str__

    def __init__(self, value: str) -> None:
        self.is_terminal = value not in ("RUNNING", "SCHEDULED")
        """Whether the run is over."""


class LifecycleStage(str, Enum):
    """Whether a run or an experiment is there or waits to be collected."""

    ACTIVE = "active"
    DELETED = "deleted"

    __str__ = str.__str__


class ViewType(str, Enum):
    """Which of them a search returns."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    __str__ = str.__str__

    def shows(self, stage: LifecycleStage) -> bool:
        """Whether a thing in `stage` is in this view."""
        return self is ViewType.ALL or (self is ViewType.DELETED_ONLY) == (
            stage is LifecycleStage.DELETED
        )


class MetricPoint(NamedTuple):
    """One point of a metric's series."""

    key: str
    value: float
    step: int
    timestamp: int
    """Unix time in milliseconds."""


Point = tuple[str, float, int, int]
"""What may be given where points are logged: key, value, step, timestamp; a `MetricPoint` is one."""


class DatasetRef(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, named as OpenLineage names it."""

    namespace: str = ""
    """Where names are unique: a bucket, a database, a host's file system."""
    name: str
    digest: str
    """Changes whenever the data does."""
    source_type: str = "local"
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, frozen=True):
    """A dataset that a run read, and in what role."""

    dataset: DatasetRef
    tags: dict[str, str] = {}

    @property
    def key(self) -> str:
        """The same for the same data under the same name."""
        return f"{self.dataset.namespace}\n{self.dataset.name}\n{self.dataset.digest}"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a run that its orchestrator may try again."""

    number: int
    """From 1."""
    status: RunStatus
    start_time: int
    end_time: int | None = None
    reason: str | None = None
    links: dict[str, str] = {}


class ArtifactFile(NamedTuple):
    """One file, or folder, of a run's artifacts."""

    path: str
    is_dir: bool
    file_size: int | None
    """Bytes; None for a folder."""
    sha256: str | None = None
    """Hexadecimal digits, from the manifest; None for a folder or a file that was put there by other means."""


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a run whatever it measures."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: RunStatus
    start_time: int
    """Unix time in milliseconds."""
    end_time: int | None
    lifecycle_stage: LifecycleStage
    artifact_uri: str
    reason: str | None = None
    """Why it failed or was killed."""

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds from start to end; None while it runs."""
        return None if self.end_time is None else self.end_time - self.start_time


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    """What a run recorded: the last point of each metric, its params and tags."""

    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]


class RunInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is recorded; a snapshot, not a handle."""

    info: RunInfo
    data: RunData
    inputs: RunInputs
    metrics: dict[str, MetricPoint]
    """The last point of each metric."""
    attempts: list[Attempt]

    @property
    def parent_run_id(self) -> str | None:
        """The run that this one is nested in."""
        return self.data.tags.get(TAG_PARENT_RUN_ID)
