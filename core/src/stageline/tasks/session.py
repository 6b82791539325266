"""What an integration hands over for one call of a task: where to record, and what is known of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from stageline.tasks.options import Tracking

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stageline.clock import Clock
    from stageline.domain.page import Page
    from stageline.domain.redaction import SecretTexts
    from stageline.domain.run import Run, ViewType
    from stageline.lineage.lineage import Lineage
    from stageline.registry.registry import Registry
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.storage.transfer import Progress
    from stageline.tasks.identity import Identity
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.artifacts import RunArtifacts
    from stageline.tracking.experiments import Experiments
    from stageline.tracking.runs import Runs


class TaskWorkspace(Protocol):
    """The part of a workspace that a task needs."""

    @property
    def runs(self) -> Runs:
        """The runs of the store."""

    @property
    def settings(self) -> Settings:
        """How the store was opened."""

    @property
    def storage_options(self) -> Mapping[str, Any]:
        """What opens the store, as it is now; may be secret."""

    @property
    def lineage(self) -> Lineage:
        """What came from what."""

    @property
    def registry(self) -> Registry:
        """The registered models."""

    # Attributes of a workspace, which nobody sets.
    store: ObjectStore
    experiments: Experiments
    clock: Clock

    def artifacts(self, run_id: str) -> RunArtifacts:
        """The files of a run."""

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        view: ViewType = ...,
        max_results: int = 1000,
        order_by: Sequence[str] = (),
    ) -> Page[Run]:
        """One page of runs."""


@dataclass(frozen=True)
class Session:
    """Where tasks of this process record."""

    workspace: TaskWorkspace
    activated: Callable[[ActiveRun], AbstractContextManager[Any]]
    """Makes a run the active one of the block, so that the module-level functions log to it, and to its store; they
    log the fits of the block too if the tracking asks for it."""
    experiment: str | None = None
    """Experiment of runs whose tracking names none."""


class ErrorMeaning(Enum):
    """Said by an integration of an exception; one that it says nothing of is read as Python's own are."""

    DONE = "done"
    """The task has done its work: this is how it says what is to follow."""
    SKIPPED = "skipped"
    """There was nothing to do."""
    PAUSED = "paused"
    """The same attempt goes on later, in another process: nothing has ended."""
    FAILED = "failed"
    """It failed, though the exception is none of those that Python counts as errors."""
    FATAL = "fatal"
    """It failed, and will not be tried again whatever was planned."""


@dataclass(frozen=True, kw_only=True)
class TaskCall:
    """One call of a task, or of a whole pipeline, as its orchestrator knows it."""

    identity: Identity
    open_session: Callable[[], Session]
    """Called when the task begins; what it raises counts as an error of tracking, not of the task."""
    tracking: Tracking = field(default_factory=Tracking)
    will_retry: bool = False
    """Whether the orchestrator means to try again if this attempt fails: the run then goes on."""
    timeout_s: float | None = None
    """After so many seconds the orchestrator cancels the task, and means that it failed."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The orchestrator's own: ids, deployment, queue."""
    secret_texts: SecretTexts | None = None
    hidden_params: frozenset[str] = frozenset()
    """Names of arguments that the orchestrator passes and nobody chose; they are no params."""
    meaning_of: Callable[[BaseException], ErrorMeaning | None] | None = None
    """What an exception means to the orchestrator; None for one that is an error like any other."""
    waits_elsewhere: bool = False
    """Whether no process waits between attempts, or while one is paused: the run is SCHEDULED meanwhile, since nobody
    should take it for vanished."""
    began_ms: int | None = None
    """When the attempt began, if that may have been in another process; Unix time in milliseconds."""
    shared_parent: SharedParent | None = None
    """The pipeline's run, where no process runs the pipeline: this call keeps it alive, and begins it if nobody has."""
    function: Callable[..., Any] | None = None
    """What is called: its file tells which code version is recorded."""
    on_end: Callable[[TaskCall, TaskWorkspace], None] | None = None
    """Called when the run has ended for good, and the store has it; the task waits, so it had better be quick."""
    on_upload: Callable[[str, int], AbstractContextManager[Progress]] | None = None
    """Asked, with its name and bytes, before a large file that was returned is stored: shows how far that is."""


@dataclass(frozen=True, kw_only=True)
class SharedParent:
    """The run of a pipeline run, which its tasks share; see `stageline.tasks.shared_parent`."""

    call: TaskCall
    params: Mapping[str, Any] = field(default_factory=dict)
