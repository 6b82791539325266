"""Which task of which pipeline run: from what the orchestrator calls it to the id of its run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from stageline.domain.ids import derive_run_id
from stageline.domain.task_tags import (
    TAG_ORCHESTRATOR,
    TAG_PIPELINE,
    TAG_PIPELINE_RUN,
    TAG_TASK,
    TAG_TASK_INDEX,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class PipelineIdentity:
    """A run of a pipeline: the parent of the runs of its tasks.

    >>> first = PipelineIdentity(orchestrator="prefect", pipeline="train", pipeline_run="7f3a")
    >>> again = PipelineIdentity(orchestrator="prefect", pipeline="train", pipeline_run="7f3a", attempt=2)
    >>> first.run_id == again.run_id
    True
    """

    orchestrator: str
    pipeline: str
    """Name of the pipeline; empty where the orchestrator does not tell."""
    pipeline_run: str
    """The orchestrator's id of this run; unique within the orchestrator."""
    parent_pipeline_run: str | None = None
    """The pipeline run that started this one."""
    attempt: int = 1
    display_name: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    """Pages about this attempt, by what they are: `{"prefect": "http://..."}`."""

    @cached_property
    def run_id(self) -> str:
        """The same on every host and for every attempt."""
        return pipeline_run_id(self.orchestrator, self.pipeline_run)

    @cached_property
    def parent_run_id(self) -> str | None:
        """The run of the pipeline run that started this one."""
        if self.parent_pipeline_run is None:
            return None
        return pipeline_run_id(self.orchestrator, self.parent_pipeline_run)

    def tags(self) -> dict[str, str]:
        """What a run says of where it comes from."""
        return _present(
            {
                TAG_ORCHESTRATOR: self.orchestrator,
                TAG_PIPELINE: self.pipeline,
                TAG_PIPELINE_RUN: self.pipeline_run,
            }
        )


@dataclass(frozen=True, kw_only=True)
class TaskIdentity:
    """A run of a task, whichever attempt it is.

    >>> train = TaskIdentity(orchestrator="airflow", pipeline="daily", pipeline_run="daily/2026-11-23", task="train")
    >>> train.parent_run_id == PipelineIdentity(
    ...     orchestrator="airflow", pipeline="daily", pipeline_run="daily/2026-11-23"
    ... ).run_id
    True
    """

    orchestrator: str
    pipeline: str
    """Name of the pipeline; empty where the orchestrator does not tell."""
    pipeline_run: str | None
    """The orchestrator's id of the pipeline run, unique within the orchestrator; None for a task run by itself."""
    task: str
    """Name of the task in its pipeline."""
    task_run: str | None = None
    """The orchestrator's own id of this run of the task, where it has one: it alone tells the runs apart then."""
    index: int | None = None
    """Which of the runs that the task is mapped to."""
    attempt: int = 1
    """From 1."""
    display_name: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    """Pages about this attempt, by what they are: `{"prefect": "http://..."}`."""

    @cached_property
    def run_id(self) -> str:
        """The same on every host and for every attempt."""
        if self.task_run is not None:
            return derive_run_id(self.orchestrator, "task-run", self.task_run)
        index = "" if self.index is None else str(self.index)
        return derive_run_id(self.orchestrator, "task", self.pipeline_run or "", self.task, index)

    @cached_property
    def parent_run_id(self) -> str | None:
        """The run of the pipeline run; None for a task that runs by itself."""
        if self.pipeline_run is None:
            return None
        return pipeline_run_id(self.orchestrator, self.pipeline_run)

    def tags(self) -> dict[str, str]:
        """What a run says of where it comes from."""
        return _present(
            {
                TAG_ORCHESTRATOR: self.orchestrator,
                TAG_PIPELINE: self.pipeline,
                TAG_PIPELINE_RUN: self.pipeline_run or "",
                TAG_TASK: self.task,
                TAG_TASK_INDEX: "" if self.index is None else str(self.index),
            }
        )


Identity = PipelineIdentity | TaskIdentity


# Each of a pipeline's tasks asks for it.
@lru_cache(maxsize=256)
def pipeline_run_id(orchestrator: str, pipeline_run: str) -> str:
    """The run id of a pipeline run, for whoever knows no more than its id."""
    return derive_run_id(orchestrator, "pipeline-run", pipeline_run)


def _present(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if value}
